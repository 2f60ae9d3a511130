"""Whether the packages of the service are installed; this module itself needs none."""

from importlib.util import find_spec

from vseg.errors import ExtraMissing

_PACKAGES = ("fastapi", "uvicorn", "websockets", "httpx2", "prometheus_client")


def check_server_extra() -> None:
    """Raise ExtraMissing unless they are."""
    for package in _PACKAGES:
        if find_spec(package) is None:
            raise ExtraMissing(
                f"the package {package} is not installed", hint="pip install 'vseg[server]'"
            )
