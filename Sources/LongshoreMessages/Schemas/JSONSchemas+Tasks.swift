extension JSONSchemas {
    static let taskRequest = #"""
        {
          "title": "A request to put images onto nodes: the body of POST /v1/tasks and the data of dev.longshore.task.requested.v1",
          "type": "object",
          "required": ["images"],
          "allOf": [{"$ref": "definitions.json#/$defs/settings"}],
          "additionalProperties": false,
          "properties": {
            "images": {"type": "array", "minItems": 1, "maxItems": 100, "items": {"$ref": "definitions.json#/$defs/image"}},
            "nodeSelector": {"$ref": "definitions.json#/$defs/labels"},
            "nodes": {"$ref": "definitions.json#/$defs/nodes"},
            "registryCredentials": {"type": "array", "maxItems": 64, "items": {"$ref": "#/$defs/credential"}},
            "overrides": {"type": "array", "maxItems": 32, "items": {"$ref": "definitions.json#/$defs/override"}},
            "priority": true, "batchSize": true, "failureTolerance": true, "timeoutSeconds": true, "deadlineSeconds": true,
            "maxRetries": true, "retryStrategy": {"enum": ["", "linear", "exponential"]}, "retryDelay": true,
            "retryMaxDelaySeconds": true, "pullPolicy": true, "strategy": true, "checks": true, "webhookUrl": true,
            "webhookEvents": true, "project": true, "cluster": true, "labels": true, "ttlSecondsAfterFinished": true,
            "registry": {"type": "string", "maxLength": 512},
            "username": {"type": "string", "maxLength": 255},
            "password": {"type": "string", "maxLength": 8192, "writeOnly": true}
          },
          "$defs": {
            "credential": {
              "type": "object",
              "additionalProperties": false,
              "properties": {
                "registry": {"$ref": "definitions.json#/$defs/registry"},
                "username": {"type": "string", "minLength": 1, "maxLength": 255},
                "password": {"type": "string", "minLength": 1, "maxLength": 8192, "writeOnly": true},
                "identityToken": {"type": "string", "minLength": 1, "maxLength": 16384, "writeOnly": true},
                "secretRef": {"$ref": "definitions.json#/$defs/secretRef"},
                "credential": {"type": "string", "description": "A saved credential; not part of this release."},
                "dockerConfigJson": {"type": ["object", "string"], "writeOnly": true},
                "sealed": {"$ref": "definitions.json#/$defs/sealed", "unevaluatedProperties": false}
              },
              "oneOf": [
                {"required": ["registry", "username", "password"]},
                {"required": ["registry", "identityToken"]},
                {"required": ["registry", "secretRef"]},
                {"required": ["registry", "credential"]},
                {"required": ["registry", "sealed"]},
                {"required": ["dockerConfigJson"]}
              ]
            }
          }
        }
        """#

    static let taskSpec = #"""
        {
          "title": "A task with every setting resolved and without any secret",
          "type": "object",
          "required": ["project", "cluster", "images", "priority", "batchSize", "failureTolerance", "timeoutSeconds",
            "deadlineSeconds", "maxRetries", "retryStrategy", "retryDelay", "retryMaxDelaySeconds", "strategy", "checks",
            "ttlSecondsAfterFinished"],
          "allOf": [{"$ref": "definitions.json#/$defs/settings"}],
          "properties": {
            "images": {"type": "array", "minItems": 1, "maxItems": 100, "items": {"$ref": "definitions.json#/$defs/image"}},
            "nodes": {"$ref": "definitions.json#/$defs/nodes"},
            "registryCredentials": {
              "type": "array",
              "items": {
                "type": "object",
                "required": ["registry", "secretRef"],
                "not": {"anyOf": [{"required": ["password"]}, {"required": ["identityToken"]},
                  {"required": ["dockerConfigJson"]}]},
                "properties": {
                  "registry": {"$ref": "definitions.json#/$defs/registry"},
                  "secretRef": {"$ref": "definitions.json#/$defs/secretRef"},
                  "managed": {"type": "boolean"}
                }
              }
            },
            "overrides": {"type": "array", "items": {"$ref": "definitions.json#/$defs/override"}},
            "retryStrategy": {"enum": ["linear", "exponential"]}
          },
          "not": {"anyOf": [{"required": ["username"]}, {"required": ["password"]}]}
        }
        """#

    static let taskSubmitted = #"""
        {
          "title": "The data of dev.longshore.task.submitted.v1",
          "type": "object",
          "required": ["taskId", "acceptedAt", "source", "task"],
          "properties": {
            "taskId": {"$ref": "definitions.json#/$defs/taskId"},
            "source": {"enum": ["http", "kafka", "kubernetes"]},
            "acceptedAt": {"$ref": "definitions.json#/$defs/time"},
            "requestHash": {"type": "string", "pattern": "^([0-9a-f]{64})?$"},
            "idempotencyKey": {"type": "string", "maxLength": 1024},
            "task": {"$ref": "task-spec.json"},
            "sealedCredentials": {
              "type": "array",
              "items": {
                "type": "object",
                "required": ["registry", "secretName", "sealed"],
                "properties": {
                  "registry": {"$ref": "definitions.json#/$defs/registry"},
                  "secretName": {"$ref": "definitions.json#/$defs/objectName"},
                  "sealed": {"$ref": "definitions.json#/$defs/sealed"}
                }
              }
            }
          }
        }
        """#

    static let taskCommand = #"""
        {
          "title": "The data of dev.longshore.task.command.v1",
          "type": "object",
          "required": ["taskId", "project", "cluster", "priorityClass", "kind", "requestedAt"],
          "properties": {
            "taskId": {"$ref": "definitions.json#/$defs/taskId"},
            "project": {"$ref": "definitions.json#/$defs/name"},
            "cluster": {"$ref": "definitions.json#/$defs/name"},
            "priorityClass": {"enum": ["high", "normal", "low"]},
            "kind": {"enum": ["cancel", "pause", "resume", "patch", "retry", "confirm", "report"]},
            "requestedAt": {"$ref": "definitions.json#/$defs/time"},
            "patch": {"$ref": "definitions.json#/$defs/settings"}
          }
        }
        """#

    static let taskMissing = #"""
        {
          "title": "The data of dev.longshore.task.missing.v1",
          "type": "object",
          "required": ["taskId", "project", "cluster", "askedAt"],
          "properties": {
            "taskId": {"$ref": "definitions.json#/$defs/taskId"},
            "project": {"$ref": "definitions.json#/$defs/name"},
            "cluster": {"$ref": "definitions.json#/$defs/name"},
            "askedAt": {"$ref": "definitions.json#/$defs/time"}
          }
        }
        """#

    static let taskNodes = #"""
        {
          "title": "The data of dev.longshore.task.nodes.v1",
          "type": "object",
          "required": ["taskId", "project", "cluster", "askedAt", "part", "nodes"],
          "properties": {
            "taskId": {"$ref": "definitions.json#/$defs/taskId"},
            "project": {"$ref": "definitions.json#/$defs/name"},
            "cluster": {"$ref": "definitions.json#/$defs/name"},
            "askedAt": {"$ref": "definitions.json#/$defs/time"},
            "part": {
              "type": "object",
              "required": ["number", "count"],
              "properties": {"number": {"type": "integer", "minimum": 1}, "count": {"type": "integer", "minimum": 1}}
            },
            "nodes": {
              "type": "array",
              "items": {
                "type": "object",
                "required": ["name", "phase"],
                "properties": {
                  "name": {"type": "string"},
                  "phase": {"$ref": "definitions.json#/$defs/nodePhase"},
                  "cause": {"type": "string"},
                  "reason": {"type": "string"},
                  "message": {"type": "string"}
                }
              }
            }
          }
        }
        """#

    static let taskEvent = #"""
        {
          "title": "What all events of tasks and nodes have in common",
          "type": "object",
          "required": ["taskId", "project", "cluster", "phase", "counts"],
          "properties": {
            "taskId": {"$ref": "definitions.json#/$defs/taskId"},
            "project": {
              "description": "_unassigned for a refused request whose sender may not use the project that it names.",
              "anyOf": [{"$ref": "definitions.json#/$defs/name"}, {"const": "_unassigned"}]
            },
            "cluster": {"$ref": "definitions.json#/$defs/name"},
            "phase": {"$ref": "definitions.json#/$defs/taskPhase"},
            "counts": {
              "type": "object",
              "required": ["nodesTotal", "nodesSucceeded", "nodesFailed", "nodesSkipped"],
              "additionalProperties": {"type": "integer", "minimum": 0}
            },
            "node": {"$ref": "definitions.json#/$defs/objectName"},
            "nodePhase": {"$ref": "definitions.json#/$defs/nodePhase"},
            "attempt": {"type": "integer", "minimum": 0},
            "images": {
              "type": "array",
              "items": {
                "type": "object",
                "required": ["image", "phase"],
                "properties": {
                  "image": {"$ref": "definitions.json#/$defs/imageReference"},
                  "phase": {"$ref": "definitions.json#/$defs/imagePhase"},
                  "digest": {"type": "string"},
                  "bytes": {"type": "integer", "minimum": 0},
                  "pullMilliseconds": {"type": "integer", "minimum": 0},
                  "cause": {"$ref": "definitions.json#/$defs/cause"},
                  "message": {"type": "string"}
                }
              }
            },
            "cause": {"$ref": "definitions.json#/$defs/cause"},
            "reason": {"type": "string"},
            "message": {"type": "string"},
            "progress": {
              "type": "object",
              "required": ["percent"],
              "properties": {
                "percent": {"type": "number", "minimum": 0, "maximum": 100},
                "remainingSeconds": {"type": "integer", "minimum": 0}
              }
            },
            "retry": {
              "description": "How often the task was begun again for its failed nodes; missing before the first time.",
              "type": "integer", "minimum": 1
            },
            "settings": {
              "description": "The settings that hold from now on, where somebody has changed them.",
              "type": "object",
              "allOf": [{"$ref": "definitions.json#/$defs/settings"}]
            },
            "faults": {
              "type": "array",
              "items": {
                "type": "object",
                "required": ["pointer", "code", "detail"],
                "properties": {"pointer": {"type": "string"}, "code": {"type": "string"}, "detail": {"type": "string"}}
              }
            },
            "faultCount": {
              "description": "How many faults there are, where they are more than are listed.",
              "type": "integer", "minimum": 1
            },
            "webhookUrl": {"description": "Who is told of a refusal, beside webhookEvents.", "type": "string"},
            "webhookEvents": {"type": "array", "items": {"type": "string"}},
            "task": {"$ref": "task-spec.json"},
            "source": {"enum": ["http", "kafka", "kubernetes"]},
            "acceptedAt": {"$ref": "definitions.json#/$defs/time"},
            "request": {
              "description": "Where a refused request stands.",
              "type": "object",
              "required": ["topic", "partition", "offset"],
              "properties": {
                "topic": {"type": "string"},
                "partition": {"type": "integer", "minimum": 0},
                "offset": {"type": "integer", "minimum": 0}
              }
            },
            "part": {
              "type": "object",
              "required": ["number", "count"],
              "properties": {"number": {"type": "integer", "minimum": 1}, "count": {"type": "integer", "minimum": 1}}
            }
          }
        }
        """#

    static let clusterAnnounced = #"""
        {
          "title": "The data of dev.longshore.cluster.announced.v1",
          "type": "object",
          "required": ["cluster", "keys", "heartbeatAt"],
          "properties": {
            "cluster": {"$ref": "definitions.json#/$defs/name"},
            "keys": {
              "type": "array",
              "items": {
                "type": "object",
                "required": ["keyId", "publicKey", "createdAt"],
                "properties": {
                  "keyId": {"type": "string", "minLength": 1},
                  "publicKey": {"$ref": "definitions.json#/$defs/base64"},
                  "createdAt": {"$ref": "definitions.json#/$defs/time"}
                }
              }
            },
            "executors": {"type": "array", "items": {"type": "string"}},
            "version": {"type": "string"},
            "kubernetesVersion": {"type": "string"},
            "helperImage": {
              "type": "object",
              "required": ["image"],
              "properties": {"image": {"type": "string"}, "problem": {"type": "string"}}
            },
            "heartbeatAt": {"$ref": "definitions.json#/$defs/time"}
          }
        }
        """#
}
