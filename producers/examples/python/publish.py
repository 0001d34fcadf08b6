"""Publishes audit events straight to Kafka, without the SDK: confluent-kafka, fastavro and the registry's REST API.

    KAFKA_BROKERS=localhost:9092 SCHEMA_REGISTRY_URL=http://localhost:8081 python3 publish.py ../../../schemas/audit-event.avsc

What a publisher has to do: write the event by the schema, behind a zero byte and the schema's id; number its events from 0, without
holes, under an instance of its own, in the event and in two headers; say which is its last; wait for all in-sync replicas.
"""

import io
import json
import os
import struct
import sys
import time
import urllib.request
import uuid

import fastavro
from confluent_kafka import Producer

TOPIC = os.environ.get("TIDEMARK_RAW_TOPIC", "audit.raw")


def register(url: str, text: str) -> int:
    """The id by which the registry knows the schema."""
    body = json.dumps({"schema": text}).encode()
    kind = {"Content-Type": "application/vnd.schemaregistry.v1+json"}
    with urllib.request.urlopen(urllib.request.Request(f"{url}/subjects/{TOPIC}-value/versions", body, kind)) as answer:
        return json.load(answer)["id"]


class Publisher:
    def __init__(self, service: str, schema_text: str) -> None:
        self.service = service
        self.schema = fastavro.parse_schema(json.loads(schema_text))
        self.prefix = struct.pack(">bI", 0, register(os.environ["SCHEMA_REGISTRY_URL"], schema_text))
        # Idempotent: acks=all, and what is sent again on the way is appended once, in order.
        self.producer = Producer({"bootstrap.servers": os.environ["KAFKA_BROKERS"], "enable.idempotence": True})
        self.instance, self.sequence = str(uuid.uuid4()), 0

    def record(self, action: str, target: dict, last: bool = False, **more) -> str:
        """Returns the event's id once all in-sync replicas have it; raises where they have not."""
        number = {"instance": self.instance, "sequence": self.sequence, "last": last, "abandoned": []}
        event = {"id": str(uuid.uuid4()), "occurredAt": time.time_ns() // 1000, "action": action, "outcome": "success"}
        event |= {"targets": [target], "origin": {"service": self.service}, "producer": number} | more
        datum = io.BytesIO()
        fastavro.schemaless_writer(datum, self.schema, event)
        self.sequence += 1
        failures = []
        self.producer.produce(
            TOPIC,
            key=f"{target['type']}/{target['id']}",
            value=self.prefix + datum.getvalue(),
            headers={"tidemark-instance": self.instance, "tidemark-sequence": str(number["sequence"])},
            on_delivery=lambda error, _: failures.append(error) if error else None,
        )
        if self.producer.flush(30) > 0 or failures:
            raise RuntimeError(f"not acknowledged: {failures or 'no answer within 30 s'}")
        return event["id"]

    def close(self) -> None:
        """Says that this instance ends: nobody has to ask whether events are missing behind it."""
        self.record("audit.close", {"type": "producer-instance", "id": self.instance}, last=True)


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        publisher = Publisher("python-example", file.read())
    change = {"field": "state", "before": {"type": "string", "text": "open"}, "after": {"type": "string", "text": "closed"}}
    print(publisher.record("account.close", {"type": "account", "id": "a-1842", "changes": [change]}, reason="asked for"))
    print(publisher.record("account.open", {"type": "account", "id": "a-1843"}, actor={"kind": "machine", "id": "batch"}))
    publisher.close()
