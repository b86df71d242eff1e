"""What looks like a secret in somebody's text is not shown to people."""

from __future__ import annotations

import time

import pytest

from flipgate.core.values.foreign import without_secrets

# In two parts each: they are nobody's, and no scanner has to take them for somebody's.
GITHUB = "ghp" + "_16C7e42F292c6912E7710c838347Ae17"
SLACK = "xoxb" + "-2345678901-abcDEF"
STRIPE = "sk" + "_live_4eC39HqLyjWDarjtT1zdp7dc"
AWS = "AKIA" + "IOSFODNN7EXAMPLE"
BASE64_LINE = "Qk0+/x9A" * 8


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgres://ana:s3cret@db:5432/shop", "postgres://ana:***@db:5432/shop"),
        ("DB_PASSWORD=hunter2 is wrong", "DB_PASSWORD=*** is wrong"),
        ('{"token": "abc", "user": "ana"}', '{"token": "***", "user": "ana"}'),
        ("Authorization: Bearer eyJhbGciOi.J9", "Authorization: Bearer ***"),
        ("sent Basic dXNlcjpwYXNz", "sent Basic ***"),
        ("DB_PASS=hunter2 is wrong", "DB_PASS=*** is wrong"),
        ("amqp://app:p@ss@mq/x", "amqp://app:***@mq/x"),
        ('{"password": "two words, more", "user": "ana"}', '{"password": "***", "user": "ana"}'),
        ("password 'two words' rejected", "password '***' rejected"),
        ("run --token abc --url x", "run --token *** --url x"),
        ("AccountKey=abc==;Endpoint", "AccountKey=***;Endpoint"),
        ("GET /blob?sv=1&sig=a%2Fb&se=2", "GET /blob?sv=1&sig=***"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-x has expired", "*** has expired"),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nx9/+\n-----END RSA PRIVATE KEY-----",
            "-----BEGIN RSA PRIVATE KEY-----***-----END RSA PRIVATE KEY-----",
        ),
        ("-----BEGIN PRIVATE KEY----- MIIEowIBAA", "-----BEGIN PRIVATE KEY-----***"),
        (BASE64_LINE, "***"),
        (f"remote: {GITHUB}ab12 expired", "remote: ghp_*** expired"),
        ("github" + "_pat_11ABCDEFG0abc is used", "github_pat_*** is used"),
        (f"slack {SLACK}", "slack xoxb-***"),
        (f"stripe {STRIPE} refused", "stripe sk_live_*** refused"),
        (f"as {AWS} in eu", "as AKIA*** in eu"),
        ("ana:pw@1@tcp(db:3306)/shop", "ana:***@tcp(db:3306)/shop"),
        ("PGPASS=hunter2", "PGPASS=***"),
        ("HASH_SALT=abc", "HASH_SALT=***"),
        ("ENCRYPTION_KEY=9f86d081884c7d65", "ENCRYPTION_KEY=***"),
        ('{"encryptionKey": "base64:9f86d081884c7d65="}', '{"encryptionKey": "***"}'),
        ('["--password", "two words", "--x"]', '["--password", "***", "--x"]'),
        ('["--password","X"]', '["--password","***"]'),
        ("['--db-token', 'X']", "['--db-token', '***']"),
        ("SORT_KEY=created", "SORT_KEY=created"),
        ("TLS_KEY=/etc/tls/app-2/tls.key", "TLS_KEY=/etc/tls/app-2/tls.key"),
        ("foreign_key: orders_customer_id_fkey", "foreign_key: orders_customer_id_fkey"),
        ("bypass=true, salted=1", "bypass=true, salted=1"),
        (f"sha256:{'9f' * 32} not found", f"sha256:{'9f' * 32} not found"),
        ("password authentication failed for user ana", "password authentication failed for user ana"),
        ("panic: no such table: token", "panic: no such table: token"),
    ],
)
def test_what_looks_like_a_secret_is_not_shown(text: str, shown: str) -> None:
    assert without_secrets(text) == shown


@pytest.mark.parametrize(
    "part",
    [
        *("token", "token=", "://a:", "bearer ", "token  ", 'secret"', "--a", "eyJabcdef.", 'token "\\', "://", "pass"),
        *("-----BEGIN PRIVATE KEY-----", "aB" * 31 + "+", "a:", "a.b:c@tcp", "x_key=a", "x_key=1", "--key', '\\"),
        *("ghp_", "aKey"),
    ],
)
def test_it_takes_no_longer_for_what_is_made_to_take_long(part: str) -> None:
    began = time.process_time()
    without_secrets(part * 1_000)
    assert time.process_time() - began < 0.5
