"""A connection that is kept from request to request, and its end."""
import pytest
from test_transport import ALL, server_tls


# After 1 ms: in the middle of an answer.
@pytest.mark.parametrize("age_ms", [1, 150])
@pytest.mark.parametrize("tls", [False, True])
def test_the_receiver_says_goodbye(probe, grpc_receiver, authority, age_ms, tls):
    receiver = grpc_receiver(server_tls(authority, "grpc") if tls else None,
                             options=[("grpc.max_connection_age_ms", age_ms),
                                      ("grpc.max_connection_age_grace_ms", 5000)])
    out = probe.send(("https://" if tls else "http://") + receiver.endpoint, "--ca", authority.ca_file, "--times", 8,
                     "--pause-ms", 60)
    assert out == [ALL] * 8
    assert len(receiver.requests) == 8
    assert len(set(receiver.peers)) > 1
