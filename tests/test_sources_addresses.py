"""Passwords are never shown, wherever makers of cameras and recorders, or a slip, put them."""

import contextlib
import re
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mambatrack.cli import main
from mambatrack.errors import MambatrackError
from mambatrack.live.source import name_of
from mambatrack.live.web.page_state import LiveState
from mambatrack.sources.addresses import is_stream, without_secrets, without_secrets_in
from mambatrack.sources.readers import open_reader
from mjpeg_server import PROXIES

SECRET = "S3cret9x"

# what each of them writes into its manual; {} is the password
OF_MAKERS = {
    "Hikvision": "rtsp://admin:{}@192.168.1.64:554/Streaming/Channels/101",
    "Hikvision picture": "http://admin:{}@192.168.1.64/ISAPI/Streaming/channels/101/picture",
    "Dahua": "rtsp://admin:{}@192.168.1.108:554/cam/realmonitor?channel=1&subtype=0",
    "Dahua, no @": "rtsp://192.168.1.108:554/cam/realmonitor?channel=1&subtype=0&authbasic={}",
    "Axis": "rtsp://root:{}@192.168.0.90/axis-media/media.amp?videocodec=h264",
    "Axis pictures": "http://root:{}@192.168.0.90/axis-cgi/mjpg/video.cgi?resolution=640x480",
    "Reolink": "rtsp://admin:{}@192.168.1.10:554/h264Preview_01_main",
    "Reolink RTMP": "rtmp://192.168.1.10/bcs/channel0_main.bcs?channel=0&user=admin&password={}",
    "Reolink FLV": "http://192.168.1.10/flv?port=1935&app=bcs&stream=channel0_main.bcs&user=admin"
    "&password={}",
    "Foscam": "rtsp://admin:{}@192.168.1.12:88/videoMain",
    "Foscam CGI": "http://192.168.1.12:88/cgi-bin/CGIStream.cgi?cmd=GetMJStream&usr=admin&pwd={}",
    "Foscam, old": "http://192.168.1.12/videostream.cgi?user=admin&pwd={}&resolution=32",
    "Amcrest": "http://admin:{}@192.168.1.13/cgi-bin/mjpg/video.cgi?channel=1&subtype=1",
    "Vivotek": "rtsp://root:{}@192.168.1.14:554/live.sdp",
    "Hanwha": "rtsp://admin:{}@192.168.1.15/profile2/media.smp",
    "Uniview": "rtsp://admin:{}@192.168.1.16:554/media/video1",
    "TP-Link Tapo": "rtsp://name:{}@192.168.1.17:554/stream1",
    "XMEye, Zosi, Besder": "rtsp://192.168.1.18:554/user=admin_password={}_channel=1_stream=0.sdp"
    "?real_stream",
    "XMEye, newer": "rtsp://192.168.1.18:554/user=admin&password={}&channel=1&stream=0.sdp",
    "XMEye, short": "rtsp://192.168.1.18/user=admin_password={}_channel=1.sdp",
    "UniFi Protect": "rtsps://192.168.1.1:7441/{}?enableSrtp",
    "VStarcam": "http://192.168.1.19:81/livestream.cgi?loginuse=admin&loginpas={}&streamid=0",
    "ACTi": "http://192.168.1.20/cgi-bin/encoder?USER=Admin&PWD={}&GET_STREAM",
    "Blue Iris": "http://192.168.1.21:81/mjpg/cam1/video.mjpg?user=me&pw={}",
    "ZoneMinder": "http://192.168.1.22/zm/cgi-bin/nph-zms?mode=jpeg&monitor=1&user=me&pass={}",
    "Shinobi": "http://192.168.1.23:8080/{}/mjpeg/group/cam",
    "Synology": "rtsp://syno:{}@192.168.1.24:554/Sms=1.unicast",
    "MediaMTX": "rtsp://me:{}@192.168.1.25:8554/frontdoor",
    "go2rtc": "http://me:{}@192.168.1.26:1984/api/stream.mjpeg?src=door",
    "Nest": "rtsps://stream-us1.example.com:443/sdm_live_stream?auth=CiUA.{}",
    "SRT": "srt://192.168.1.27:9000?streamid=read:door&passphrase={}",
    "RTMP key": "rtmp://192.168.1.28/live/{}",
    "path of a recorder": "rtsp://192.168.1.29/live/admin/{}/0",
    "token behind #": "http://192.168.1.30/stream.mjpg#token={}",
    "session": "http://192.168.1.31/video.mjpg;jsessionid={}",
    "go2rtc's Tapo": "tapo://{}@192.168.1.33",
    "go2rtc's DVRIP": "dvrip://admin:{}@192.168.1.34:34567?channel=0",
    "go2rtc's Wyze": "wyze://me@mail.example:{}@192.168.1.35",
    "ONVIF": "onvif://admin:{}@192.168.1.36:80",
    "librtmp": "rtmp://192.168.1.38/app playpath=x token={}",
    "SRT, stream id": "srt://192.168.1.39:9000?streamid=#!::r=a,u=admin,s={}",
    "IPv6": "rtsp://admin:{}@[fe80::1]:554/1",
    "IPv6 with a zone": "rtsp://admin:{}@[fe80::1%25eth0]:554/1",
    "Azure": "https://acc.example/c/a.mp4?sv=1&sig={}",
    "Samba": "smb://HOME;admin:{}@nas/share/a.mp4",
}
NO_HOST_IN_FRONT = {
    "go2rtc's ffmpeg": "ffmpeg:rtsp://admin:{}@192.168.1.32/1#video=copy",
    "go2rtc's Nest": "nest:?client_id=a&client_secret={}",
    "go2rtc's Ring": "ring:?device_id=a&refresh_token={}",
    "go2rtc's Ivideon": "ivideon:{}",
    "go2rtc's Home Assistant": "hass:{}",
    "GStreamer": "rtspsrc location=rtsp://192.168.1.37/1 user-id=admin user-pw={} ! decodebin",
    "concatenated": "concat:http://192.168.1.40/1?token={}|http://192.168.1.40/2",
}
SLIPS = {
    "one slash": "rtsp:/admin:{}@cam/1",
    "no slash": "rtsp:admin:{}@cam/1",
    "semicolon": "http;//admin:{}@cam/1",
    "no colon": "rtsp//admin:{}@cam/1",
    "three slashes": "rtsp:///admin:{}@cam/1",
    "backslashes": "rtsp:\\\\admin:{}@cam/1",
    "letters changed": "rstp://admin:{}@cam/1",
    "unknown scheme": "rtps://admin:{}@cam/1",
    "capitals": "RTSP://admin:{}@cam/1",
    "no scheme": "admin:{}@cam/1",
    "no scheme, in the path": "192.168.1.5/user=admin_password={}_channel=1.sdp",
    "blank in front": " rtsp://admin:{}@cam/1",
    "quotes": '"rtsp://admin:{}@cam/1"',
    "no @": "rtsp://admin:{}/1",
    "no host": "rtsp://admin:{}@",
    "two @": "rtsp://admin:{}@x@cam/1",
    "@ in the password": "rtsp://admin:a@{}@cam/1",
    "/ in the password": "rtsp://admin:a/{}@cam/1",
    "? in the password": "rtsp://admin:a?{}@cam/1",
    "# in the password": "rtsp://admin:a#{}@cam/1",
    "number and / in the password": "rtsp://admin:12/{}@cam/1",
    "@ and / in the password": "rtsp://admin:a@b/{}@cam/1",
    "@ in the query": "http://cam/1?user=me&pwd=a@{}",
    "percent": "rtsp://admin%3A{}%40cam/1",
    "percent in the path": "http://cam/user%3Dadmin%26password%3D{}/1",
    "user alone": "rtsp://{}@cam/1",
    "blank in the password": "rtsp://admin:a {}@cam/1",
    "full width": "rtsp\uff1a//admin:{}@cam/1",
    "blank behind the slashes": "rtsp:// admin:{}@cam/1",
    "blank in front of the colon": "rtsp ://admin:{}@cam/1",
    "a point for the colon": "rtsp.//admin:{}@cam/1",
    "no scheme, a number": "192.168.1.5:554/{}/live",
    "no scheme, a port": "cam.home:554/{}",
    "told in words": "user:admin pass:{} rtsp://cam/1",
    "& without ?": "http://cam/video.cgi&user=admin&pwd={}",
}
ALL = {**OF_MAKERS, **NO_HOST_IN_FRONT, **SLIPS}


@pytest.mark.parametrize("form", ALL.values(), ids=ALL)
def test_a_password_is_hidden_and_the_host_is_shown(form):
    address = form.format(SECRET)
    shown = without_secrets(address)
    assert SECRET not in shown and "***" in shown
    assert without_secrets(shown) == shown
    state = LiveState(None, [address])
    assert SECRET not in name_of(address) + state.sources[0].status.name
    assert SECRET not in state.sources[0].file_name
    state.close()
    if form in OF_MAKERS.values():
        assert form.split("//")[1].split("@")[-1].split("/")[0].split("?")[0] in shown


@pytest.mark.parametrize("form", ALL.values(), ids=ALL)
def test_no_error_tells_a_password(form, monkeypatch):
    address = form.format(SECRET)
    told = f"Cannot open '{address}' (http://127.0.0.1/x?token={SECRET}): refused"
    assert SECRET not in without_secrets_in(told, address)
    if not form.lower().startswith(("rtsp://", "rtsps:", "rtmp:", "srt:", "http://")):
        with pytest.raises(MambatrackError) as error:
            open_reader(address)
        assert SECRET not in str(error.value)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("rtsp://me:s3cr@t@cam:554/1", "rtsp://***@cam:554/1"),
        ("http://me:a/b@cam/1", "http://***@cam/1"),
        ("http://cam/1?user=me&pwd=s3cr", "http://cam/1?***"),
        ("http://me:s3?cr@cam/1", "http://***@cam/1"),
        ("http://cam/1", "http://cam/1"),
        ("rtsp://[fe80::1]:554/live", "rtsp://[fe80::1]:554/live"),
        ("rtsp://cam/user=a_password=b_channel=1.sdp", "rtsp://cam/***"),
        ("rtsp://me:pw@cam/Streaming/Channels/101", "rtsp://***@cam/Streaming/Channels/101"),
        ("rtmp://cam/live/key", "rtmp://cam/live/***"),
        ("udp://239.0.0.1:1234", "udp://239.0.0.1:1234"),
        ("clips/video.mp4", "clips/video.mp4"),
        ("C:\\clips\\admin\\x.mp4", "C:\\clips\\admin\\x.mp4"),
        ("/data/admin/video-2023-05-01.mp4", "/data/admin/video-2023-05-01.mp4"),
        ("0", "0"),
    ],
)
def test_what_is_shown(address, shown):
    assert without_secrets(address) == shown


@pytest.mark.parametrize(
    "said",
    [
        "Max retries exceeded with url: /video.cgi?user=admin&pwd={} (Caused by a timeout)",
        "did you mean file:rtsp://me:{}%21@cam:554?",
        '{{"url": "rtsp:\\/\\/me:{}@cam\\/1"}}',
        "http://127.0.0.1/?src=x: GET rtsp%3A%2F%2Fme%3A{}%40cam%2F1 failed",
        "GET /video?token={} HTTP/1.1",
        "a login, me:{}@cam, that was refused",
        "(rtsp://me:a {}@cam/1) timed out",
        "user=admin&password={}",
    ],
)
def test_what_libraries_say_tells_no_password(said):
    shown = without_secrets_in(said.format(SECRET))
    assert SECRET not in shown and "***" in shown


def test_an_address_is_hidden_in_a_message_that_has_it_decoded():
    source = f"rtsp://me:{SECRET}%20x@cam/1"
    assert SECRET not in without_secrets_in(f"no route to me: rtsp://me:{SECRET} x@cam/1", source)


@pytest.mark.parametrize(
    "said", ["/data/12:30.mp4: no video", "a: b=c", "--detector.scores: 'x'", "line 3: key = 4",
             "ratio 16:9 is not 4:3", "C:\\clips\\a.mp4 is no video", "settings.yaml:3: passed"],
)  # fmt: skip
def test_other_messages_stay(said):
    assert without_secrets_in(said) == said


def test_a_file_that_is_there_has_its_own_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "me:pw@home.mp4").touch()
    assert without_secrets("me:pw@home.mp4") == "me:pw@home.mp4"


def test_every_address_in_a_message_is_hidden():
    said = "a rtsp://me:pw@c/1: timed out; http://x/y?tok=1, and (http://z/1)"
    assert without_secrets_in(said) == (
        "a rtsp://***@c/1: timed out; http://x/y?***, and (http://z/1)"
    )


HERE = re.compile(r"192\.168\.1\.\d+(:\d+)?|\bcam\b(?=/)|stream-us1\.example\.com:443")


@pytest.mark.parametrize("form", ALL.values(), ids=ALL)
@pytest.mark.parametrize("command", ["track", "live"])
def test_no_command_tells_a_password(command, form, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
    source = HERE.sub("127.0.0.1:9", form.format(SECRET), count=1)
    if "127.0.0.1:9" not in source:
        pytest.skip("it has no host, and is tried without a command")
    more = ["--seconds", "0.05", "--state", "a.state"] if command == "live" else []
    with contextlib.suppress(SystemExit):
        assert main([command, source, "--mot", "a.txt", *more]) in (1, 2)
    said = capfd.readouterr()
    assert said.err and SECRET not in said.out + said.err
    assert all(SECRET.encode() not in path.read_bytes() for path in tmp_path.iterdir())


@pytest.mark.parametrize(
    "wrong", [["track", "a.mp4", ALL["Hikvision"].format(SECRET)],
              ["track", "--" + SLIPS["no scheme"].format(SECRET)]],
)  # fmt: skip
def test_wrong_usage_tells_no_password(wrong, capfd):
    with pytest.raises(SystemExit):
        main(wrong)
    assert SECRET not in capfd.readouterr().err


@settings(deadline=None)
@given(st.text(string.ascii_letters + string.digits + "@/?#:&=%;. \\", min_size=1, max_size=12))
def test_whatever_a_password_is_made_of_it_is_hidden(rest):
    address = f"rtsp://me:{rest}S3cret9x{rest}@cam/1"
    shown = without_secrets(address)
    assert "S3cret9x" not in shown and without_secrets(shown) == shown


@pytest.mark.parametrize("rest", ["a/b", "a?b", "a#b", "/"])
def test_a_password_that_has_to_be_encoded_says_so(rest):
    with pytest.raises(MambatrackError, match="write / as %2F"):
        is_stream(f"http://me:{rest}@cam/1")
    assert is_stream("http://me:a%2Fb@cam/1?mail=me@home") and is_stream("http://cam/me@home.ts")


def test_schemes_that_are_known():
    assert is_stream("RTSP://cam/1") and not is_stream("clips/video.mp4")
    with pytest.raises(MambatrackError, match=r"gopher://cam/1: unknown scheme; expected one of"):
        is_stream("gopher://cam/1")


@pytest.mark.parametrize("name", ["a.mp4", "my videos/a.mp4", "new.mp4", "a"])
def test_a_path_of_this_machine_behind_a_colon_is_told(tmp_path, name):
    (tmp_path / "a.mp4").touch()
    said = f"failed: {tmp_path}/pass-word1x2y/../{name} is no video; {tmp_path}/{name}: damaged"
    (tmp_path / "pass-word1x2y").mkdir()
    assert without_secrets_in(said) == said
    assert "/pass-word1x2y" not in without_secrets_in("rtsp: /cam/pass-word1x2y/1")
