"""The doctor: what it finds wrong is really wrong, and it says what to do."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import fields
from importlib.metadata import EntryPoint, PackageNotFoundError
from pathlib import Path
from types import SimpleNamespace

import pytest
from dbus_fast import Message, MessageType, Variant
from dbus_fast.aio import MessageBus

from eegrig.hil import doctor as virtual_doctor
from eegrig.hil.virtual import registry
from eegrig.hil.virtual.registry import state_directory
from eegrig.host.commands import cli
from eegrig.host.doctor import bluetooth, examination, packages, ports, probes, tools
from eegrig.host.doctor.examination import examine, usable
from eegrig.host.doctor.finding import Finding


def named(findings, name: str) -> Finding:
    return {finding.name: finding for finding in findings}[name]


# --- the whole -----------------------------------------------------------------------------------


def finding(area: str, status: str, *, is_way: bool = False) -> Finding:
    return Finding(area=area, name="x", status=status, detail="", is_way=is_way)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("findings", "works"),
    [
        ([finding("eegrig", "ok"), finding("virtual", "ok", is_way=True)], True),
        ([finding("virtual", "fail", is_way=True), finding("probes", "ok", is_way=True)], True),
        ([finding("Bluetooth", "fail"), finding("virtual", "ok", is_way=True)], True),
        ([finding("eegrig", "fail"), finding("virtual", "ok", is_way=True)], False),
        ([finding("eegrig", "ok"), finding("virtual", "fail", is_way=True)], False),
        ([finding("eegrig", "ok"), finding("probes", "warn", is_way=True)], False),
    ],
)
def test_it_is_usable_if_it_is_sound_and_there_is_a_way_to_a_board(findings, works):
    assert usable(findings) is works


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[object, str, str]:
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    return (caught.value.code, *capsys.readouterr())


def test_the_command_tells_what_it_found_and_exits_accordingly(capsys, monkeypatch):
    found = [finding("eegrig", "ok"), finding("virtual", "ok", is_way=True)]
    monkeypatch.setattr(examination, "examine", lambda: found)
    code, out, _ = run(capsys, "doctor", "--json")
    assert code == 0
    report = json.loads(out)
    assert report["usable"] is True
    assert [one["area"] for one in report["findings"]] == ["eegrig", "virtual"]
    found[0] = Finding(
        area="eegrig", name="mpy-cross", status="fail", detail="does not run", advice="install it"
    )
    code, out, _ = run(capsys, "doctor")
    assert code == 3
    assert "does not run" in out
    assert "→ install it" in out


def test_this_machine_is_sound():
    findings = examine()
    assert not [one for one in findings if one.area == "eegrig" and one.status == "fail"]
    assert {"probes", "serial ports", "Bluetooth", "instruments"} <= {f.area for f in findings}


def test_packages_add_checks_and_one_that_breaks_takes_nothing_along(monkeypatch):
    def entry_points(group: str) -> list[EntryPoint]:
        assert group == "eegrig.doctor"
        return [
            EntryPoint("broken", "eegrig_does_not_exist:check", group),
            EntryPoint("virtual", "eegrig.hil.doctor:check", group),
        ]

    monkeypatch.setattr(examination, "entry_points", entry_points)
    findings = examine()
    broken = next(one for one in findings if one.area == "broken")
    assert broken.status == "warn"
    assert "eegrig_does_not_exist" in broken.detail
    assert named(findings, "bench").status == "ok"


# --- packages and tools --------------------------------------------------------------------------


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Put the description of a distribution in front of what is installed."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def install(name: str, version: str) -> None:
        folder = tmp_path / f"{name}-{version}.dist-info"
        folder.mkdir()
        text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        (folder / "METADATA").write_text(text)

    return install


def test_packages_that_overwrite_each_other_are_found(install):
    assert named(packages.check(), "pyserial").status == "ok"
    install("serial", "0.0.97")
    found = named(packages.check(), "pyserial")
    assert found.status == "fail"
    assert "serial 0.0.97" in found.detail
    assert found.advice == "pip uninstall -y serial pyserial && pip install pyserial"


def test_a_version_that_does_not_do_is_found(install):
    install("intelhex", "1.0")
    found = named(packages.check(), "packages")
    assert found.status == "fail"
    assert found.detail == "intelhex is 1.0, and >=2.3 is needed"


def test_a_package_that_is_missing_is_found(monkeypatch):
    def version(name: str) -> str:
        if name == "intelhex":
            raise PackageNotFoundError(name)
        return installed(name)

    installed = packages.version
    monkeypatch.setattr(packages, "version", version)
    assert named(packages.check(), "packages").detail == "intelhex is not installed"


def test_a_python_that_does_not_do_is_found(monkeypatch):
    assert named(packages.check(), "Python").status == "ok"
    monkeypatch.setattr(packages.platform, "python_version", lambda: "3.10.1")
    found = named(packages.check(), "Python")
    assert found.status == "fail"
    assert found.detail.startswith("3.10.1, and eegrig needs ")


def test_an_extra_has_requirements_of_its_own(install):
    install("bumble", "0.0.1")
    assert not packages.unmet()
    assert packages.unmet("virtual") == ["bumble is 0.0.1, and ==0.0.236 is needed"]


def test_the_compiler_is_tried():
    assert named(tools.check(), "mpy-cross").status == "ok"


# --- virtual boards ------------------------------------------------------------------------------


def test_the_bench_is_there():
    found = named(virtual_doctor.check(), "bench")
    assert (found.status, found.is_way) == ("ok", True)


def test_a_missing_interpreter_is_told(monkeypatch, tmp_path):
    monkeypatch.setenv("MICROPYTHON", str(tmp_path / "nothing"))
    found = named(virtual_doctor.check(), "bench")
    assert found.status == "fail"
    assert "MICROPYTHON names" in found.detail


def test_a_program_that_is_no_interpreter_is_told(monkeypatch):
    monkeypatch.setenv("MICROPYTHON", "false")
    found = named(virtual_doctor.check(), "bench")
    assert found.status == "fail"
    assert "false does not run" in found.detail


def test_a_state_directory_that_cannot_be_written_is_told(monkeypatch, tmp_path):
    monkeypatch.setenv("EEGRIG_STATE", str(tmp_path))
    assert named(virtual_doctor.check(), "state").status == "ok"
    assert not list(tmp_path.iterdir()), "looking makes nothing"
    monkeypatch.setenv("EEGRIG_STATE", "/dev/null/x")
    assert named(virtual_doctor.check(), "state").status == "warn"


def test_a_board_that_is_up_is_told_with_its_port(monkeypatch, tmp_path):
    monkeypatch.setenv("EEGRIG_STATE", str(tmp_path))
    control = tmp_path / "control"
    values = dict.fromkeys((field.name for field in fields(registry.Device)), "")
    values |= {"name": "left", "board": "headband8", "console": "/x/console", "pid": 1, "hci": ()}
    device = registry.Device(**{**values, "control": str(control)})
    state_directory("left").mkdir(parents=True)
    registry.record(device)
    assert registry.consoles() == []
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(control))
        listener.listen()
        assert registry.consoles() == ["/x/console"]
        found = named(virtual_doctor.check(), "left")
    assert found.status == "ok"
    assert "headband8, is up: port /x/console" in found.detail


def test_the_makers_pack_is_told_if_it_is_there(monkeypatch, tmp_path):
    monkeypatch.setattr(
        "cmsis_pack_manager.Cache", lambda *_how: SimpleNamespace(data_path=str(tmp_path))
    )
    assert named(virtual_doctor.check(), "STM32WB55 pack").status == "warn"
    pack = tmp_path / "Keil" / "STM32WBxx_DFP" / "1.4.0" / "Keil.STM32WBxx_DFP.pack"
    pack.parent.mkdir(parents=True)
    pack.touch()
    assert named(virtual_doctor.check(), "STM32WB55 pack").status == "ok"


# --- probes and ports ----------------------------------------------------------------------------


@pytest.fixture
def root(tmp_path) -> Path:
    """A machine with a probe on USB, whose node cannot be used, and a mouse."""
    devices = {
        "1-1": ("0483", "374b", "STM32 STLink", "1", "7"),
        "1-2": ("046d", "c077", "USB Optical Mouse", "1", "8"),
        "1-3": ("cafe", "4004", "Some CMSIS-DAP", "1", "9"),
    }
    for name, values in devices.items():
        folder = tmp_path / "sys/bus/usb/devices" / name
        folder.mkdir(parents=True)
        for key, value in zip(
            ("idVendor", "idProduct", "product", "busnum", "devnum"), values, strict=True
        ):
            (folder / key).write_text(value + "\n")
    return tmp_path


def test_probes_that_may_not_be_used_are_told(root):
    findings = list(probes.check(root))
    denied = {one.name for one in findings if one.status == "fail"}
    assert denied == {"0483:374b", "cafe:4004"}
    assert "60-eegrig.rules" in (named(findings, "0483:374b").advice or "")
    node = root / "dev/bus/usb/001/007"
    node.parent.mkdir(parents=True)
    node.write_text("")
    assert "0483:374b" not in {one.name for one in probes.check(root)}


def test_installed_rules_are_found(root):
    rules = root / "etc/udev/rules.d/60-eegrig.rules"
    rules.parent.mkdir(parents=True)
    rules.write_text("")
    assert named(probes.check(root), "udev rules").detail == "installed"


def test_a_machine_without_usb_has_no_devices(tmp_path):
    assert probes.usb_devices(tmp_path) == []


def test_ports_are_told_or_that_there_is_none(monkeypatch):
    assert list(ports.check())
    monkeypatch.setattr(ports, "hardware_ports", list)
    (found,) = ports.check()
    assert (found.status, found.detail) == ("warn", "there is none")


@pytest.fixture
def port(tmp_path, monkeypatch) -> Path:
    """Stand in for the only port of this machine."""
    path = tmp_path / "ttyACM0"
    path.touch(0o660)
    monkeypatch.setattr(ports, "hardware_ports", lambda: [str(path)])
    return path


def test_a_port_is_a_way_to_a_board_unless_another_process_has_it_open(port):
    (found,) = ports.check()
    assert (found.status, found.is_way, found.detail) == ("ok", True, "can be opened")
    with port.open() as file, subprocess.Popen(["sleep", "60"], stdin=file) as other:
        (found,) = ports.check()
        other.terminate()
    assert found.status == "warn"
    assert found.detail == f"in use by sleep (process {other.pid})"


@pytest.mark.parametrize(
    ("mode", "advice"),
    [(0o660, "sudo usermod -aG {group} $USER"), (0o600, "install ci/udev/60-eegrig.rules")],
)
def test_a_port_that_may_not_be_opened_is_told_with_who_may(port, monkeypatch, mode, advice):
    port.chmod(mode)
    monkeypatch.setattr(ports.os, "access", lambda *_asked: False)
    (found,) = ports.check()
    assert (found.status, found.is_way) == ("fail", False)
    assert found.advice.startswith(advice.format(group=port.group()))


def test_missing_rules_matter_to_all_but_root(root, monkeypatch):
    for user, status in ((0, "ok"), (1000, "warn")):
        monkeypatch.setattr(probes.os, "geteuid", lambda user=user: user)
        assert named(probes.check(root), "udev rules").status == status


# --- Bluetooth -----------------------------------------------------------------------------------

BUS = """<busconfig>
  <type>system</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/><allow user="*"/>
  </policy>
</busconfig>
"""


@pytest.fixture
def system_bus(tmp_path, monkeypatch) -> Iterator[str]:
    daemon = shutil.which("dbus-daemon")
    if daemon is None:
        pytest.skip("there is no dbus-daemon on this machine")
    config = tmp_path / "bus.conf"
    config.write_text(BUS.format(socket=tmp_path / "bus"))
    command = [daemon, f"--config-file={config}", "--nofork", "--print-address"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
        yield address
        process.terminate()


@pytest.fixture
def bluez(system_bus) -> Iterator[None]:
    """A service of BlueZ's name, with one adapter that is on and one that is off."""
    adapters = {
        f"/org/bluez/{name}": {"org.bluez.Adapter1": {"Powered": Variant("b", powered)}}
        for name, powered in (("hci0", True), ("hci1", False))
    }

    def answer(message: Message) -> Message | None:
        if message.member != "GetManagedObjects" or message.message_type != MessageType.METHOD_CALL:
            return None
        return Message.new_method_return(message, "a{oa{sa{sv}}}", [adapters])

    ready, done = threading.Event(), threading.Event()

    async def serve() -> None:
        bus = await MessageBus(bus_address=system_bus).connect()
        bus.add_message_handler(answer)
        await bus.request_name("org.bluez")
        ready.set()
        while not done.is_set():
            await asyncio.sleep(0.01)
        bus.disconnect()
        await bus.wait_for_disconnect()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert ready.wait(10)
    yield
    done.set()
    thread.join()


def test_adapters_are_told_with_what_they_need(bluez):
    findings = list(bluetooth.check())
    assert named(findings, "BlueZ").status == "ok"
    assert named(findings, "hci0").status == "ok"
    assert (named(findings, "hci1").status, named(findings, "hci1").advice) == (
        "warn",
        "bluetoothctl power on",
    )


def test_a_bus_without_bluez_is_told(system_bus):
    (found,) = bluetooth.check()
    assert found.status == "warn"
    assert found.detail.startswith("does not run")


def test_a_bus_that_cannot_be_reached_is_told(monkeypatch, tmp_path):
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path / 'nothing'}")
    (found,) = bluetooth.check()
    assert found.status == "warn"
    assert "cannot be reached" in found.detail
