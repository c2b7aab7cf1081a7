"""Tests of settings: their layers, their origins, and mistakes, which are all reported at once with their
place.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gateway.config import schema
from gateway.config import show as config_show
from gateway.config.load import ConfigError, find_file, load, load_traced
from gateway.config.settings import Settings

Write = Callable[[str | bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a settings file."""

    def writer(content: str | bytes) -> Path:
        path = tmp_path / "settings.yaml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return writer


def mistakes(path: Path | None, environ: dict[str, str] | None = None, **flags: object) -> list[str]:
    """Load wrong settings and return each problem as reported, without the file's folder."""
    overrides = {name.replace("__", "."): value for name, value in flags.items()}
    with pytest.raises(ConfigError) as caught:
        load(path, environ or {}, overrides)
    return [
        str(problem).replace(f"{path.parent}/" if path else "\0", "") for problem in caught.value.problems
    ]


@pytest.mark.parametrize("content", ["", "# nothing\n", "---\n", "server:\nspeech:\n", "\ufeffserver: {}\n"])
def test_empty_settings_are_the_defaults(write: Write, content: str) -> None:
    """An empty file, empty sections, and a byte order mark all leave the defaults."""
    assert load(write(content), {}, {}) == Settings()


def test_environment_goes_over_the_file_and_flags_over_both(write: Write) -> None:
    """Each layer overrides the one below, value by value, and the origin of each value is known."""
    path = write("server: {port: 1, host: '::1'}\nlog: {level: debug}\n")
    loaded = load_traced(
        path,
        {"VOICEBOX_SERVER__PORT": "2", "VOICEBOX_LOG__LEVEL": "error"},
        {"server.port": 3, "server.host": None},
    )

    assert (loaded.settings.server.port, loaded.settings.server.host, loaded.settings.log.level) == (
        3,
        "::1",
        "error",
    )
    assert loaded.origins == {
        ("server", "port"): "--port",
        ("server", "host"): f"{path}:1",
        ("log", "level"): "VOICEBOX_LOG__LEVEL",
    }


def test_environment_values() -> None:
    """Variables hold YAML; texts are used literally, lists may be written with commas, mappings are merged
    with the defaults.
    """
    environ = {
        "VOICEBOX_COMPAT__STRICT": "true",
        "VOICEBOX_SPEECH__VOICE": "123",
        "VOICEBOX_SPEECH__ENGINE": "",
        "VOICEBOX_SERVER__CORS_ORIGINS": "*",
        "VOICEBOX_SERVER__ALLOWED_HOSTS": "a.example, b.example",
        "VOICEBOX_SPEECH__BITRATE__MP3": "64000",
        "VOICEBOX_COMPAT__MODEL_ALIASES": '{"my-*": espeak}',
        "VOICEBOX_ENGINES__ESPEAK__WORKERS": "3",
        "VOICEBOX_DATA_DIR": "/srv/voices",
        "UNRELATED": "x",
    }
    settings = load(None, environ, {})

    assert settings.compat.strict is True
    assert (settings.speech.voice, settings.speech.engine) == ("123", "")
    assert settings.server.cors_origins == ("*",)
    assert settings.server.allowed_hosts == ("a.example", "b.example")
    assert settings.speech.bitrate == Settings().speech.bitrate | {"mp3": 64000}
    assert settings.compat.model_aliases == {"my-*": "espeak"}
    assert settings.engines["espeak"].workers == 3
    assert settings.data_dir == "/srv/voices"


def test_variables_of_containers_are_ignored() -> None:
    """Variables that Kubernetes and Docker set for a service named voicebox, and those of the command line,
    are no mistakes.
    """
    environ = {
        "VOICEBOX_SERVICE_HOST": "10.0.0.1",
        "VOICEBOX_SERVICE_PORT_HTTP": "80",
        "VOICEBOX_PORT": "tcp://10.0.0.1:80",
        "VOICEBOX_PORT_80_TCP_ADDR": "10.0.0.1",
        "VOICEBOX_URL": "http://x",
        "VOICEBOX_API_KEY": "x",
    }
    assert load(None, environ, {}) == Settings()


def test_all_mistakes_are_reported_at_once_with_their_place(write: Write) -> None:
    """All mistakes of all layers come in one message: place, key, value, and what is allowed."""
    path = write("server:\n  port: 70000\n  prot: 1\nlog: {level: loud}\nworkers: {queue: many}\n")
    reported = mistakes(path, {"VOICEBOX_SERVER__PORT": "x", "VOICEBOX_SEVER__PORT": "1"}, server__host=5)

    keys = "host, port, processes, no_auth, allowed_hosts, cors_origins, trusted_proxies, base_path, drain_delay, drain_timeout, send_timeout, body_timeout, keep_alive, head_bytes"
    assert (
        f"settings.yaml:3: server.prot: there is no 'prot' here. Did you mean 'port' or 'host'? Allowed: {keys}"
        in reported
    )
    assert (
        "settings.yaml:4: log.level: 'loud' is given; allowed: one of debug, info, warning, error" in reported
    )
    assert (
        "settings.yaml:5: workers.queue: 'many' is given; allowed: a whole number of at least 1" in reported
    )
    assert (
        "VOICEBOX_SERVER__PORT: server.port: 'x' is given; allowed: a whole number from 0 to 65535"
        in reported
    )
    assert "--host: server.host: 5 is given; allowed: text; put it in quotes" in reported
    assert any(
        line.startswith("VOICEBOX_SEVER__PORT: sever.port: there is no 'sever' here. Did you mean 'server'")
        for line in reported
    )
    assert len(reported) == 6


@pytest.mark.parametrize(
    ("content", "reported"),
    [
        ("server:\n  port: 1\n  port: 2\n", "settings.yaml:3: server.port: is given twice, first at settings.yaml:2"),
        ("server:\n\tport: 1\n", "settings.yaml:2: is not YAML: a tab where YAML allows only spaces"),
        ("- a\n", "settings.yaml:1: a list is given, a mapping is needed"),
        ("hello\n", "settings.yaml:1: 'hello' is given, a mapping is needed"),
        ("server: 8000\n", "settings.yaml:1: server: '8000' is given, a mapping is needed"),
        (b"server:\n  host: \xff\n", "settings.yaml:2: is not UTF-8 text"),
        ("a: 1\n---\nb: 1\n", "settings.yaml:2: is not YAML"),
        ("server: {port: 1", "settings.yaml:1: is not YAML"),
        ("server: {port: }\n", "settings.yaml:1: server.port: nothing is given; allowed: a whole number"),
        ("server: {port: true}\n", "settings.yaml:1: server.port: True is given"),
        ("server: {drain_timeout: .inf}\n", "settings.yaml:1: server.drain_timeout: inf is given; allowed: a number above 0"),
        ("server: {drain_timeout: 0}\n", "settings.yaml:1: server.drain_timeout: 0 is given"),
        ("server: {host: !!python/name:os.system x}\n", "settings.yaml:1: server.host: cannot be understood"),
        ("data_dir: &x [*x]\n", "settings.yaml:1: data_dir: [[...]] is given; allowed: text"),
        ("speech: {bitrate: {mp4: 1}}\n", "settings.yaml:1: speech.bitrate.mp4: there is no 'mp4' here."),
        ("engines: {espek: {}}\n", "settings.yaml:1: engines.espek: there is no 'espek' here. Did you mean 'espeak'"),
        ("speech: {engine: pocketsphinx}\n", "settings.yaml:1: speech.engine: 'pocketsphinx' is given, which is no engine for speech"),
        ("workers: {restart_delay: 60}\n", "default: workers.restart_delay_max: 30 is less than restart_delay, 60"),
    ],
)  # fmt: skip
def test_one_mistake(write: Write, content: str | bytes, reported: str) -> None:
    """Each kind of mistake is reported in one line that begins with its place."""
    (line,) = mistakes(write(content))
    assert line.startswith(reported)


def test_a_variable_below_a_value() -> None:
    """A variable's name that goes deeper than the settings do is reported."""
    assert mistakes(None, {"VOICEBOX_SERVER__PORT__X": "1"}) == [
        "VOICEBOX_SERVER__PORT__X: server.port.x: there is nothing below server.port"
    ]


def test_the_settings_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The named file is used, else that of VOICEBOX_CONFIG, then ./config.yaml, then the user's; a file that
    is named must exist.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "etc"))
    environ: dict[str, str] = {}
    assert find_file(None, environ) is None
    (tmp_path / "etc/voicebox").mkdir(parents=True)
    own, here, other = tmp_path / "etc/voicebox/config.yaml", Path("config.yaml"), tmp_path / "other.yaml"
    for file in (own, here, other):
        found = find_file(None, environ)
        file.write_text("")
        assert found != file
        if file is not other:
            assert find_file(None, environ) == file
    assert find_file(None, {**environ, "VOICEBOX_CONFIG": str(other)}) == other
    assert find_file(own, {**environ, "VOICEBOX_CONFIG": str(other)}) == own
    assert mistakes(tmp_path / "gone.yaml") == ["gone.yaml: there is no such file"]
    assert mistakes(None, {"VOICEBOX_CONFIG": "/gone.yaml"}) == ["/gone.yaml: there is no such file"]


def test_shown_settings_load_to_the_same(write: Write) -> None:
    """`config show` writes a file that gives exactly the settings it shows, and says where each comes from."""
    path = write(
        "speech: {voice: 'no: #1'}\nengines: {espeak: {workers: 2}}\ncompat: {voice_aliases: {'a b': onyx}}\n"
    )
    loaded = load_traced(path, {"VOICEBOX_SERVER__PORT": "9000"}, {})
    shown = config_show.as_yaml(loaded)

    assert load(write(shown), {}, {}) == loaded.settings
    assert "  port: 9000  # VOICEBOX_SERVER__PORT\n" in shown
    assert f"  voice: 'no: #1'  # {path}:1\n" in shown
    assert "  host: 127.0.0.1  # default\n" in shown
    assert msgspec.convert(config_show.as_data(loaded)["settings"], Settings) == loaded.settings


@pytest.mark.parametrize("name", ["api_key", "token", "client_secret", "password", "keys", "hf_token", "KEY"])
def test_secrets_are_masked(name: str) -> None:
    """The value of a setting whose name marks a secret is never shown, unless it is empty; others are shown."""
    assert schema.masked(("upstream", name), "hunter2") == schema.MASK
    assert schema.masked(("upstream", name), "") == ""
    assert schema.masked(("upstream", "monkey"), "banana") == "banana"


def test_no_present_setting_is_masked() -> None:
    """The mask hides none of the settings that exist today."""
    assert not [path for path, _ in schema.leaves(Settings()) if schema.is_secret(path)]


@given(st.text(max_size=200))
def test_any_text_is_settings_or_a_configuration_error(text: str) -> None:
    """Whatever a variable holds, loading either works or raises ConfigError."""
    for name in (
        "SERVER__PORT",
        "SPEECH__BITRATE",
        "SERVER__CORS_ORIGINS",
        "COMPAT__MODEL_ALIASES",
        "SPEECH__VOICE",
    ):
        try:
            assert isinstance(load(None, {f"VOICEBOX_{name}": text}, {}), Settings)
        except ConfigError as exc:
            assert exc.problems


JUNK: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["server", "port", "speech", "voice", "x"]), inner)
    ),
    max_leaves=8,
)


@given(JUNK)
def test_any_yaml_is_settings_or_a_configuration_error(
    tmp_path_factory: pytest.TempPathFactory, value: object
) -> None:
    """Whatever a file holds, loading either works or raises ConfigError with lines."""
    path = tmp_path_factory.getbasetemp() / "junk.yaml"
    path.write_text(yaml.safe_dump(value), "utf-8")
    try:
        assert isinstance(load(path, {}, {}), Settings)
    except ConfigError as exc:
        assert all(problem.source.startswith(f"{path}:") for problem in exc.problems)


def test_a_mistake_stops_the_start(write: Write) -> None:
    """`serve`, `config check` and `config show` end with status 2 and the message on standard error, without
    a traceback.
    """
    path = write("server: {prot: 1}\n")
    for command in (["serve"], ["config", "check"], ["config", "show"]):
        done = subprocess.run(
            [sys.executable, "-m", "gateway", *command, "--config", str(path)],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert (done.returncode, done.stdout) == (2, "")
        assert f"{path}:1: server.prot" in done.stderr
        assert "Traceback" not in done.stderr


def test_config_commands(write: Write) -> None:
    """`config check` names the file, and `config show --json` is what a machine reads."""
    path = write("server: {port: 9}\n")
    command = [sys.executable, "-m", "gateway", "config"]
    check = subprocess.run(
        [*command, "check", "--config", str(path)], capture_output=True, text=True, timeout=60, check=True
    )
    show = subprocess.run(
        [*command, "show", "--json", "--config", str(path)], capture_output=True, timeout=60, check=True
    )

    assert str(path) in check.stdout
    shown = json.loads(show.stdout)
    assert shown["settings"]["server"]["port"] == 9
    assert shown["origins"] == {"server.port": f"{path}:1"}


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("trusted_proxies", "[proxy.example]"),
        ("trusted_proxies", '["*"]'),
        ("trusted_proxies", "[10.0.0.0/99]"),
        ("cors_origins", "[app.example.com]"),
        ("cors_origins", '["https://app.example.com/page"]'),
        ("cors_origins", '["https://a*.example.com"]'),
        ("cors_origins", '["*://example.com"]'),
        ("base_path", "/v o"),
        ("base_path", "/a/../b"),
        ("base_path", "/schema"),
    ],
)
def test_addresses_that_never_fit(write: Write, setting: str, value: str) -> None:
    """A network, an origin or a path that could never fit is refused, with its place and what to write."""
    with pytest.raises(ConfigError) as caught:
        load(write(f"server:\n  {setting}: {value}\n"), {}, {})
    assert f"server.{setting}" in str(caught.value)
    assert "write" in str(caught.value)
