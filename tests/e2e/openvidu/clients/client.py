"""The unmodified pyopenvidu through every call it has. A page called con_ann is in session S and publishes.

python client.py URL
"""
import sys

import pyopenvidu
from pyopenvidu import (OpenVidu, OpenViduConnectionDoesNotExistsError, OpenViduSessionDoesNotExistsError,
                        OpenViduSessionExistsError, OpenViduStreamDoesNotExistsError)


def refused(kind, call, *args, **more):
    try:
        call(*args, **more)
    except kind:
        return
    raise AssertionError(f"{call} was not refused as {kind}")


server = OpenVidu(sys.argv[1] + "/openvidu/api/", "MY_SECRET")
config = server.get_config()
assert config["VERSION"].startswith("2.32.") and config["OPENVIDU_RECORDING"] is True, config

# Sessions
made = server.create_session()
named = server.create_session(custom_session_id="named", media_mode="RELAYED")
assert (named.id, named.media_mode, named.is_being_recorded, named.connection_count) == ("named", "RELAYED", False, 0)
refused(OpenViduSessionExistsError, server.create_session, custom_session_id="named")
refused(ValueError, server.create_session, custom_session_id="a b")
assert server.fetch() is True and server.fetch() is False
assert {one.id for one in server.sessions} == {"S", "named", made.id} and server.session_count == 3
refused(OpenViduConnectionDoesNotExistsError, named.signal, "srv", "nobody is there")
named = server.get_session("S")
made.close()
refused(OpenViduSessionDoesNotExistsError, made.close)
refused(OpenViduSessionDoesNotExistsError, made.fetch)
refused(OpenViduSessionDoesNotExistsError, server.get_session, "nothing")

# Connections
session = server.get_session("S")
pending = session.create_webrtc_connection(role="MODERATOR", data="server", video_max_recv_bandwidth=1000,
                                           allowed_filters=["GStreamerFilter"])
assert pending.token.startswith("ws://127.0.0.1:") and pending.active_at is None and pending.role == "MODERATOR"
assert pending.server_data == "server" and pending.kurento_options["videoMaxRecvBandwidth"] == 1000
pending.force_disconnect()
refused(OpenViduConnectionDoesNotExistsError, pending.force_disconnect)
camera = session.create_ipcam_connection("rtsp://127.0.0.1:9/cam", data="door", only_play_with_subscribers=True)
assert camera.platform == "IPCAM" and camera.rtsp_uri == "rtsp://127.0.0.1:9/cam" and len(camera.publishers) == 1
refused(ValueError, session.create_ipcam_connection, "gopher://x")
camera.force_disconnect()

# Who is there
session.fetch()
ann = session.get_connection("con_ann")
assert ann.active_at is not None and len(ann.publishers) == 1 and ann.publishers[0].stream_id.startswith("str_CAM_")
assert "width" in ann.publishers[0].media_options["videoDimensions"]
ann.fetch()
session.signal("srv", "to all")
ann.signal("srv", "to her")
refused(OpenViduConnectionDoesNotExistsError, session.signal, "srv", "x", [pending])
session.fetch()
ann = session.get_connection("con_ann")
stream = ann.publishers[0]
ann.force_unpublish_all_streams()
refused(OpenViduStreamDoesNotExistsError, stream.force_unpublish)
ann.fetch()
assert ann.publishers == []
ann.force_disconnect()
refused(OpenViduSessionDoesNotExistsError, session.fetch)
print("done", pyopenvidu.__version__)
