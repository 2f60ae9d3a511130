"""MQTT brokers that tests start: those of this machine.

mosquitto is a package of Debian.  amqtt is a package of PyPI that pins what vseg's service
needs in another version, so it wants an environment of its own; its command is found on the
PATH too.
"""

import shutil
import socket
import subprocess
import time
from pathlib import Path

_AMQTT = """\
listeners:
  default:
    type: tcp
    bind: 127.0.0.1:{port}
plugins:
  amqtt.plugins.authentication.AnonymousAuthPlugin:
    allow_anonymous: true
"""
_MOSQUITTO = "listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n"
_START_S = 20.0

# Debian has its servers in a folder that only root's PATH names.
_FOLDERS = "/usr/sbin"


def broker_command(name: str) -> str | None:
    """The command of a broker, if it is installed."""
    return shutil.which(name) or shutil.which(name, path=_FOLDERS)


class Broker:
    """One broker process on a port of its own; it can be killed and started again."""

    def __init__(self, name: str, folder: Path) -> None:
        command = broker_command(name)
        assert command is not None, "asked before"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        settings = folder / f"{name}.conf"
        text = _AMQTT if name == "amqtt" else _MOSQUITTO
        settings.write_text(text.format(port=self.port))
        self._command = [command, "-c", str(settings)]
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start it, and wait until it listens."""
        self._process = subprocess.Popen(
            self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        end = time.monotonic() + _START_S
        while time.monotonic() < end:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise AssertionError("the broker does not start")

    def kill(self) -> None:
        """End it at once."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
