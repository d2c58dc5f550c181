# What asyncio's core needs and the interpreter has in C, where it reads the PC's clock: a queue of tasks in the
# order in which they are due, and the task itself. asyncio's own Python files are the interpreter's.
from time import ticks_diff, ticks_ms

import micropython


class TaskQueue:
    # Tasks by the time they are due, first come first served among equals.
    def __init__(self):
        self._tasks = []

    def peek(self):
        return self._tasks[0] if self._tasks else None

    @micropython.native
    def push(self, task, key=None):
        task.data = None
        if key is None:
            key = ticks_ms()
        task.ph_key = key
        tasks = self._tasks
        at = len(tasks)
        while at and ticks_diff(tasks[at - 1].ph_key, key) > 0:
            at -= 1
        tasks.insert(at, task)
        return task

    def pop(self):
        return self._tasks.pop(0)

    def remove(self, task):
        self._tasks.remove(task)


class Task:
    # `state` is True while it runs and nobody waits, a TaskQueue of those who wait, None when it is done, False
    # when somebody has taken note of its end. `context` is the namespace of asyncio.core.
    def __init__(self, coro, context=None):
        self.coro = coro
        self.data = None
        self.state = True
        self.ph_key = 0
        self._context = context

    def __iter__(self):
        if not self.state:
            self.state = False
        elif self.state is True:
            self.state = TaskQueue()
        elif type(self.state) is not TaskQueue:
            raise RuntimeError("can't wait")
        return self

    def __next__(self):
        if not self.state:
            raise self.data
        waiting = self._context["cur_task"]
        self.state.push(waiting)
        waiting.data = self  # whom it waits for, should it be cancelled

    def done(self):
        return not self.state

    def cancel(self):
        if not self.state:
            return False
        context = self._context
        if self is context["cur_task"]:
            raise RuntimeError("can't cancel self")
        # Cancel what it waits for, at the end of the chain.
        task = self
        while isinstance(task.data, Task):
            task = task.data
        queue = context["_task_queue"]
        if hasattr(task.data, "remove"):
            task.data.remove(task)
            queue.push(task)
        elif ticks_diff(task.ph_key, ticks_ms()) > 0:
            queue.remove(task)
            queue.push(task)
        task.data = context["CancelledError"]
        return True
