"""Who is let in, decided before any route: a middleware over requests and sockets alike.

Enters: an ASGI scope.  Leaves: the same with `state.client`, or a refusal.  What a path needs
is decided on `scope["path"]`, which is what the router goes by; whatever is not listed as
public needs a key, so that a route that is added later is not open by accident.
"""

from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as AsgiScope

from vseg.errors import NotAllowed, VsegError
from vseg.server.problem import problem_response
from vseg.server.security.cookies import Cookies
from vseg.server.security.keys import AccessKey, KeyRing, Scope
from vseg.server.security.rate_limit import Rate
from vseg.server.security.tool_keys import tool_token

PUBLIC = frozenset({"/", "/favicon.ico", "/healthz", "/readyz", "/v1/login"})
STATIC = "/static/"
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1", "[::1]"})
_READING = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose request it is.  by_cookie: it comes from a browser that logged in."""

    key: AccessKey
    by_cookie: bool

    @property
    def id(self) -> str:
        return self.key.id

    def may_see(self, owner: str) -> bool:
        """Whether the key sees what a key of this id made: its own, and with `admin` all."""
        return owner == self.id or self.key.allows(Scope.admin)

    def check(self, scope: Scope) -> None:
        """Raise NotAllowed unless the key has this scope."""
        if not self.key.allows(scope):
            raise NotAllowed(
                f"this needs a key of scope {scope.name}; this one may {self.key.scope}",
                hint="use another key",
                known=True,
            )


@dataclass(frozen=True, slots=True)
class Doorkeeper:
    """What decides on a request.  hosts: names by which the service may be called, none for
    any; a page of another site that made its name point here is refused by it.
    """

    keys: KeyRing
    cookies: Cookies
    hosts: frozenset[str]
    requests: Rate
    refusals: Rate

    def admit(self, scope: AsgiScope) -> Caller | None:
        """Who asks; None on a public path.  Raises NotAllowed and TooMany."""
        headers = Headers(scope=scope)
        self._check_host(headers)
        path = scope["path"]
        if path in PUBLIC or path.startswith(STATIC):
            return None
        address = scope["client"][0] if scope.get("client") else ""
        self.refusals.check(address)
        try:
            caller = self._caller(path, headers)
        except NotAllowed:
            self.refusals.count(address)
            raise
        self._check_origin(scope, headers, caller)
        reading = scope["type"] == "websocket" or scope["method"] in _READING
        caller.check(Scope.read if reading else Scope.write)
        self.requests.check(caller.id)
        self.requests.count(caller.id)
        return caller

    def log_in(self, token: str, address: str) -> str:
        """The cookie for the key of a token.  Raises NotAllowed and TooMany."""
        self.refusals.check(address)
        try:
            return self.cookies.issue(self.keys.of_token(token))
        except NotAllowed:
            self.refusals.count(address)
            raise

    def _caller(self, path: str, headers: Headers) -> Caller:
        token = tool_token(path, headers)
        if token is not None:
            return Caller(self.keys.of_token(token), by_cookie=False)
        given = headers.get("authorization")
        if given is not None:
            kind, _, token = given.partition(" ")
            if kind.lower() != "bearer":
                raise NotAllowed(f"authorization by {kind[:20]!r} is not known", hint=_HINT)
            return Caller(self.keys.of_token(token.strip()), by_cookie=False)
        cookie = cookie_parser(headers.get("cookie", "")).get(self.cookies.name)
        if cookie is None:
            raise NotAllowed("no key was given", hint=_HINT)
        return Caller(self.cookies.key_of(cookie, self.keys), by_cookie=True)

    def _check_host(self, headers: Headers) -> None:
        host = _hostname(headers.get("host", ""))
        if self.hosts and host not in self.hosts:
            raise NotAllowed(
                f"this service is not called {host[:100]!r}",
                hint="name it with --allow-host, or use the address that it printed",
                known=True,
            )

    @staticmethod
    def _check_origin(scope: AsgiScope, headers: Headers, caller: Caller) -> None:
        """A browser says which page asks.  Pages of other sites may neither change anything
        nor open a socket; a program that sends its key says nothing, and need not.
        """
        origin = headers.get("origin")
        socket = scope["type"] == "websocket"
        if origin is None:
            if socket and caller.by_cookie:
                raise NotAllowed("a socket without an origin", hint=_HINT, known=True)
            return
        # Behind a proxy that ends TLS the scheme is not known here: the host decides.
        scheme, _, host = origin.partition("://")
        if scheme not in ("http", "https") or host != headers.get("host"):
            raise NotAllowed(
                f"the request comes from {origin[:100]}, not from this service's own page",
                hint="open the page that the service serves",
                known=True,
            )


class AccessMiddleware:
    """Refuses before the app sees the request."""

    def __init__(self, app: ASGIApp, doorkeeper: Doorkeeper) -> None:
        self._app = app
        self._doorkeeper = doorkeeper

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        try:
            caller = self._doorkeeper.admit(scope)
        except VsegError as error:
            await _refuse(error, scope, receive, send)
            return
        if caller is not None:
            scope.setdefault("state", {})["caller"] = caller
        await self._app(scope, receive, send)


def allowed_hosts(host: str, more: tuple[str, ...]) -> frozenset[str]:
    """The names of a service that listens on `host`."""
    return _LOOPBACK | {host.lower(), *(name.lower() for name in more)}


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a service that listens there."""
    return host in _LOOPBACK


async def _refuse(error: VsegError, scope: AsgiScope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket" and "websocket.http.response" not in (
        scope.get("extensions") or {}
    ):
        # 1008, RFC 6455 section 7.4.1: against the rules of the service.
        await send({"type": "websocket.close", "code": 1008, "reason": error.message[:100]})
        return
    await problem_response(error)(scope, receive, send)


def _hostname(host: str) -> str:
    """Without the port, in lower case."""
    host = host.strip().lower()
    return host.partition("]")[0] + "]" if host.startswith("[") else host.partition(":")[0]


_HINT = "send Authorization: Bearer KEY, or open the link that the service printed"
