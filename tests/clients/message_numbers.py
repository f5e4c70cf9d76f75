"""Prints every message and enum of tritonclient's own protocol files as JSON: name, then field name to [number, type]."""

import json

from tritonclient.grpc import model_config_pb2, service_pb2


def type_of(field):
    inner = field.message_type or field.enum_type
    return inner.full_name if inner else field.type


def messages_in(descriptor):
    yield descriptor.full_name, {f.name: [f.number, type_of(f)] for f in descriptor.fields}
    for nested in descriptor.nested_types:
        yield from messages_in(nested)


found = {"messages": {}, "enums": {}, "methods": {}}
for module in (service_pb2, model_config_pb2):
    file = module.DESCRIPTOR
    for message in file.message_types_by_name.values():
        found["messages"].update(messages_in(message))
    for enum in file.enum_types_by_name.values():
        found["enums"][enum.full_name] = {value.name: value.number for value in enum.values}
service = service_pb2.DESCRIPTOR.services_by_name["GRPCInferenceService"]
for method in service.methods:
    found["methods"][method.name] = [method.input_type.full_name, method.output_type.full_name]
print(json.dumps(found))
