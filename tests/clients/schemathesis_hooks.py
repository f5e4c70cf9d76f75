"""What schemathesis does not know by itself: how NDJSON is written."""

import json

import schemathesis


@schemathesis.serializer("application/x-ndjson")
def write_ndjson(context, value):
    """A list is one line for each of its members, whatever else a line of its own."""
    lines = value if isinstance(value, list) else [value]
    return "".join(f"{json.dumps(line)}\n" for line in lines).encode()
