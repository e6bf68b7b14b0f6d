"""Prints what CloudFormation would be given: the template as SAM expands it, with these parameters.

    python3 expand.py template.yaml Stage=prod LogLevel=INFO

What the conditions leave out is left out, every If is decided, and a reference to a parameter is its value. All other
intrinsic functions stay as they are. Exits with 3 where the translator is not installed (pip install aws-sam-translator).
"""

import json
import os
import sys

os.environ.setdefault("AWS_DEFAULT_REGION", "eu-west-1")  # the translator asks for a region and calls nobody
try:
    from samtranslator.translator.transform import transform
    from samtranslator.yaml_helper import yaml_parse
except ImportError:
    sys.exit(3)

NOTHING = object()  # AWS::NoValue


class NoPolicies:
    """The managed policies that SAM knows by name: none is used."""

    def load(self):
        return {}


class Stack:
    """A template with its parameters."""

    def __init__(self, template, parameters):
        self.conditions = template.get("Conditions", {})
        self.parameters = parameters

    def holds(self, condition):
        (name, argument), = condition.items()
        if name == "Condition":
            return self.holds(self.conditions[argument])
        if name == "Fn::Equals":
            left, right = (self.resolve(a) for a in argument)
            return str(left) == str(right)
        if name == "Fn::Not":
            return not self.holds(argument[0])
        if name == "Fn::And":
            return all(self.holds(a) for a in argument)
        if name == "Fn::Or":
            return any(self.holds(a) for a in argument)
        raise ValueError("a condition is expected: " + name)

    def named(self, condition):
        return self.holds(self.conditions[condition])

    def resolve(self, value):
        if isinstance(value, list):
            return [item for item in (self.resolve(v) for v in value) if item is not NOTHING]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            (name, argument), = value.items()
            if name == "Fn::If":
                return self.resolve(argument[1 if self.named(argument[0]) else 2])
            if name == "Ref" and argument == "AWS::NoValue":
                return NOTHING
            if name == "Ref" and argument in self.parameters:
                return self.parameters[argument]
        resolved = {key: self.resolve(v) for key, v in value.items()}
        return {key: v for key, v in resolved.items() if v is not NOTHING}

    def present(self, section):
        return {
            name: self.resolve(each) for name, each in section.items()
            if "Condition" not in each or self.named(each["Condition"])
        }


def main(file, *given):
    with open(file, encoding="utf-8") as f:
        template = yaml_parse(f)
    parameters = {name: p["Default"] for name, p in template.get("Parameters", {}).items() if "Default" in p}
    parameters.update(pair.split("=", 1) for pair in given)
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://bucket/key"  # the translator takes no folder
    expanded = transform(template, dict(parameters), NoPolicies())
    stack = Stack(expanded, parameters)
    json.dump({
        "Resources": stack.present(expanded["Resources"]),
        "Outputs": stack.present(expanded.get("Outputs", {})),
    }, sys.stdout, indent=2, sort_keys=True)


main(*sys.argv[1:])
