# Started by the loader. Everything else is in the package `eeg`.
from eeg import app

app.run()
