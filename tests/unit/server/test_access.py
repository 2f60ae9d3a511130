"""Who is let in: keys, cookies, scopes, origins, names of the host, and how often."""

import time
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from tests.served import ADDRESS, TOKEN, app_of, local_key, served
from vseg.errors import BadConfig, NotAllowed
from vseg.server.security.cookies import Cookies
from vseg.server.security.keys import KeyRing, key_of, new_key_id, write_keys
from vseg.server.settings import Limits

SECRET_PATH = "/v1/openapi.json"


@pytest.fixture
def client(tmp_path: Path) -> TestClient:
    return TestClient(app_of(tmp_path), base_url=ADDRESS)


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health_needs_no_key(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 200


@pytest.mark.parametrize(
    "header",
    [None, "Bearer wrong", "Bearer", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer \xff"],
)
def test_without_a_key_every_other_path_is_refused(
    client: TestClient, header: str | None
) -> None:
    headers = {} if header is None else {"Authorization": header.encode("latin-1")}
    for path in (SECRET_PATH, "/v1/videos", "/no/such/path", "/v1//login", "/healthz/"):
        answer = client.get(path, headers=headers, follow_redirects=False)  # type: ignore[arg-type]
        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.json()["hint"]


def test_an_expired_key_is_refused(tmp_path: Path) -> None:
    old = key_of(TOKEN, "old", "admin", key_id="old", expires=time.time() - 1)
    with served(app_of(tmp_path, old)) as client:
        answer = client.get(SECRET_PATH)
    assert (answer.status_code, "expired" in answer.json()["detail"]) == (401, True)


def test_a_key_that_may_read_may_not_write(tmp_path: Path) -> None:
    with served(app_of(tmp_path, local_key("read"))) as client:
        assert client.get(SECRET_PATH).status_code == 200
        answer = client.post("/v1/logout")
    assert (answer.status_code, answer.json()["title"]) == (403, "NotAllowed")


def test_the_cookie_of_a_login_is_enough(client: TestClient) -> None:
    assert client.post("/v1/login", json={"token": TOKEN}).status_code == 204
    assert client.get(SECRET_PATH).status_code == 200
    (cookie,) = client.cookies.jar
    assert cookie.has_nonstandard_attr("HttpOnly")
    assert cookie.get_nonstandard_attr("SameSite") == "strict"


def test_a_cookie_outlives_a_restart(tmp_path: Path) -> None:
    with served(app_of(tmp_path), token=None) as first:
        first.post("/v1/login", json={"token": TOKEN})
        cookies = first.cookies
    again = key_of("another-token", "local", "admin", key_id="local")
    with served(app_of(tmp_path, again), token=None) as second:
        second.cookies = cookies
        assert second.get(SECRET_PATH).status_code == 200


def test_a_cookie_ends_with_its_key() -> None:
    cookies = Cookies(b"secret")
    lab = key_of("one", "lab", "read", key_id="lab")
    value = cookies.issue(lab)
    assert cookies.key_of(value, KeyRing((lab,))) == lab
    renewed = key_of("two", "lab", "read", key_id="lab")
    for ring in (KeyRing((renewed,)), KeyRing()):
        with pytest.raises(NotAllowed):
            cookies.key_of(value, ring)


@pytest.mark.parametrize("change", ["x{}", "{}0", "lab.99999999999.", "", "lab..", "lab.é.é"])
def test_a_forged_cookie_is_refused(change: str) -> None:
    cookies = Cookies(b"secret")
    lab = key_of("one", "lab", "read", key_id="lab")
    with pytest.raises(NotAllowed):
        cookies.key_of(change.format(cookies.issue(lab)), KeyRing((lab,)))


def test_another_origin_changes_nothing(client: TestClient) -> None:
    client.post("/v1/login", json={"token": TOKEN})
    foreign = client.post("/v1/logout", headers={"Origin": "http://evil.example"})
    assert foreign.status_code == 403
    for odd in ("http://[::1", "null", "", "file://", "http://127.0.0.1:8707.evil.example"):
        assert client.post("/v1/logout", headers={"Origin": odd}).status_code == 403
    own = client.post("/v1/logout", headers={"Origin": ADDRESS})
    assert own.status_code == 204


def test_a_token_that_is_no_text_is_refused(client: TestClient) -> None:
    headers = {"Content-Type": "application/json"}
    answer = client.post("/v1/login", content='{"token": "\\ud800"}', headers=headers)
    assert answer.status_code == 422


def test_no_origin_is_let_in_across_sites(client: TestClient) -> None:
    asked = {"Origin": "http://evil.example", "Access-Control-Request-Method": "GET"}
    answer = client.options(SECRET_PATH, headers=asked)
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize("origin", [None, "http://evil.example", "null", "http://localhost:1"])
def test_a_socket_from_elsewhere_is_refused(client: TestClient, origin: str | None) -> None:
    client.post("/v1/login", json={"token": TOKEN})
    headers = {} if origin is None else {"Origin": origin}
    with (
        pytest.raises(WebSocketDisconnect),
        client.websocket_connect("/v1/annotations/0/socket", headers=headers),
    ):
        pass


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:8707", ""])
def test_another_name_of_the_host_is_refused(client: TestClient, host: str) -> None:
    assert client.get("/healthz", headers={"Host": host}).status_code == 403


def test_guessing_keys_is_slowed_down(tmp_path: Path) -> None:
    app = app_of(tmp_path, limits=Limits(refused_per_minute=3))
    with served(app, token="wrong") as client:
        codes = [client.get(SECRET_PATH).status_code for _ in range(3)]
        codes += [client.post("/v1/login", json={"token": "x"}).status_code]
        answer = client.get(SECRET_PATH, headers={"Authorization": f"Bearer {TOKEN}"})
    assert codes == [401, 401, 401, 429]
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "20")


def test_a_key_has_so_many_requests_a_minute(tmp_path: Path) -> None:
    with served(app_of(tmp_path, limits=Limits(requests_per_minute=2))) as client:
        answers = [client.get(SECRET_PATH) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[-1].headers["retry-after"] == "30"


def test_every_answer_tells_browsers_to_keep_to_this_site(client: TestClient) -> None:
    for path in ("/healthz", "/", SECRET_PATH, "/static/none.js"):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"


def test_a_key_that_is_removed_is_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    lab = key_of(TOKEN, "lab", "read", key_id=new_key_id())
    other = key_of("other", "other", "admin", key_id=new_key_id())
    write_keys(path, (lab, other))
    assert TOKEN not in path.read_text("utf-8")
    ring = KeyRing(path=path)
    assert ring.of_token(TOKEN) == lab
    write_keys(path, (other,))
    with pytest.raises(NotAllowed):
        ring.of_token(TOKEN)


def test_a_damaged_file_of_keys_is_named(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    with pytest.raises(BadConfig, match="cannot read"):
        KeyRing(path=path)
    path.write_text('{"keys": [{"id": 1}]}')
    with pytest.raises(BadConfig, match="not a file of keys"):
        KeyRing(path=path)
