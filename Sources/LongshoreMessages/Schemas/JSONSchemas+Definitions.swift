extension JSONSchemas {
    static let definitions = #"""
        {
          "title": "What several schemas share",
          "$defs": {
            "taskId": {"type": "string", "pattern": "^[0-7][0-9a-hjkmnp-tv-z]{25}$"},
            "name": {"type": "string", "maxLength": 63, "pattern": "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"},
            "objectName": {"type": "string", "minLength": 1, "maxLength": 253},
            "time": {"type": "string", "format": "date-time"},
            "imageReference": {"type": "string", "minLength": 1, "maxLength": 512},
            "registry": {"type": "string", "minLength": 1, "maxLength": 512},
            "taskPhase": {"enum": ["accepting", "queued", "checking", "pulling", "paused", "succeeded", "failed",
              "cancelled", "rejected"]},
            "nodePhase": {"enum": ["pending", "pulling", "succeeded", "failed", "skipped"]},
            "imagePhase": {"enum": ["pending", "pulling", "present", "pulled", "failed"]},
            "cause": {"type": "string", "description": "One of the causes below; later versions may add some.",
              "examples": ["Unauthorized", "NotFound", "RateLimited", "TLS", "Network", "Disk", "Architecture",
                "Timeout", "Evicted", "NodeLost", "InvalidReference", "PolicyDenied", "Helper", "Internal", "Unknown"]},
            "labels": {"type": "object", "maxProperties": 64, "additionalProperties": {"type": "string", "maxLength": 63}},
            "labelExpression": {
              "type": "object", "required": ["key", "operator"], "additionalProperties": false,
              "properties": {
                "key": {"type": "string", "minLength": 1, "maxLength": 317},
                "operator": {"enum": ["In", "NotIn", "Exists", "DoesNotExist"]},
                "values": {"type": "array", "maxItems": 100, "items": {"type": "string", "maxLength": 63}}
              }
            },
            "labelExpressions": {"type": "array", "maxItems": 32, "items": {"$ref": "#/$defs/labelExpression"}},
            "toleration": {
              "type": "object", "additionalProperties": false,
              "properties": {
                "key": {"type": "string", "maxLength": 317},
                "operator": {"enum": ["Exists", "Equal"]},
                "value": {"type": "string", "maxLength": 63},
                "effect": {"enum": ["", "NoSchedule", "PreferNoSchedule", "NoExecute"]}
              }
            },
            "nodes": {
              "type": "object", "additionalProperties": false,
              "properties": {
                "names": {"type": "array", "maxItems": 5000, "items": {"$ref": "#/$defs/objectName"}},
                "matchLabels": {"$ref": "#/$defs/labels"},
                "matchExpressions": {"$ref": "#/$defs/labelExpressions"},
                "includeCordoned": {"type": "boolean"},
                "tolerations": {"type": "array", "maxItems": 32, "items": {"$ref": "#/$defs/toleration"}}
              }
            },
            "override": {
              "type": "object", "additionalProperties": false,
              "properties": {
                "matchLabels": {"$ref": "#/$defs/labels"},
                "matchExpressions": {"$ref": "#/$defs/labelExpressions"},
                "images": {
                  "type": "array", "maxItems": 8,
                  "items": {
                    "type": "object", "required": ["component", "operator"], "additionalProperties": false,
                    "properties": {
                      "component": {"enum": ["registry", "repository", "tag"]},
                      "operator": {"enum": ["replace", "add", "remove"]},
                      "value": {"type": "string", "maxLength": 512}
                    }
                  }
                },
                "secrets": {
                  "type": "array", "maxItems": 1,
                  "items": {
                    "type": "object", "required": ["component", "operator", "value"], "additionalProperties": false,
                    "properties": {
                      "component": {"const": "secretName"},
                      "operator": {"const": "replace"},
                      "value": {"$ref": "#/$defs/objectName"}
                    }
                  }
                }
              }
            },
            "secretRef": {
              "type": "object", "required": ["name"], "additionalProperties": false,
              "properties": {"name": {"$ref": "#/$defs/objectName"}}
            },
            "image": {
              "anyOf": [
                {"$ref": "#/$defs/imageReference"},
                {"type": "object", "required": ["image"], "additionalProperties": false,
                 "properties": {"image": {"$ref": "#/$defs/imageReference"}, "secretRef": {"$ref": "#/$defs/secretRef"}}}
              ]
            },
            "sealed": {
              "type": "object", "required": ["keyId", "enc", "ciphertext"],
              "properties": {
                "keyId": {"type": "string", "pattern": "^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$"},
                "enc": {"$ref": "#/$defs/base64"},
                "ciphertext": {"$ref": "#/$defs/base64"}
              }
            },
            "base64": {"type": "string", "contentEncoding": "base64", "pattern": "^[A-Za-z0-9+/]+={0,2}$"},
            "webhookEvents": {
              "type": "array", "uniqueItems": true,
              "items": {"enum": ["task.queued", "task.checking", "task.pulling", "task.progress", "task.paused",
                "task.succeeded", "task.failed", "task.cancelled", "task.rejected",
                "node.pulling", "node.succeeded", "node.failed", "node.skipped"]}
            },
            "settings": {
              "type": "object",
              "properties": {
                "priority": {"type": "integer", "minimum": 1, "maximum": 10},
                "batchSize": {"type": "integer", "minimum": 1, "maximum": 1000},
                "failureTolerance": {"type": "number", "minimum": 0, "maximum": 1000000},
                "timeoutSeconds": {"type": "integer", "minimum": 1, "maximum": 86400},
                "deadlineSeconds": {"type": "integer", "minimum": 1, "maximum": 604800},
                "maxRetries": {"type": "integer", "minimum": 0, "maximum": 10},
                "retryDelay": {"type": "integer", "minimum": 1, "maximum": 3600},
                "retryMaxDelaySeconds": {"type": "integer", "minimum": 1, "maximum": 86400},
                "pullPolicy": {"enum": ["Always", "IfNotPresent", "Never"]},
                "strategy": {"enum": ["auto", "imageVolume", "kubelet"]},
                "checks": {"type": "array", "uniqueItems": true, "items": {"enum": ["registry", "disk"]}},
                "webhookUrl": {"type": "string", "maxLength": 2048, "pattern": "^[hH][tT][tT][pP][sS]?://"},
                "webhookEvents": {"$ref": "#/$defs/webhookEvents"},
                "project": {"$ref": "#/$defs/name"},
                "cluster": {"$ref": "#/$defs/name"},
                "labels": {"$ref": "#/$defs/labels"},
                "ttlSecondsAfterFinished": {"type": "integer", "minimum": 0, "maximum": 2592000}
              }
            }
          }
        }
        """#

    static let cloudEvent = #"""
        {
          "title": "A CloudEvent as a webhook carries it (JSON format, structured mode)",
          "type": "object",
          "required": ["specversion", "id", "source", "type", "subject", "time", "data"],
          "properties": {
            "specversion": {"const": "1.0"},
            "id": {"type": "string", "minLength": 1, "pattern": "^[^.]+$"},
            "source": {"type": "string", "format": "uri-reference", "pattern": "^/projects/([a-z0-9-]+|_unassigned)/clusters/[a-z0-9-]+$"},
            "type": {"type": "string", "pattern": "^dev\\.longshore\\.[a-z]+\\.[a-z]+\\.v[0-9]+$"},
            "subject": {"type": "string", "minLength": 1},
            "time": {"type": "string", "format": "date-time"},
            "datacontenttype": {"const": "application/json"},
            "sequence": {"type": "string", "pattern": "^[0-9]{12,}$"},
            "partitionkey": {"$ref": "definitions.json#/$defs/taskId"},
            "traceparent": {"type": "string", "pattern": "^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}"},
            "expirytime": {"type": "string", "format": "date-time"},
            "data": {"type": "object"}
          }
        }
        """#
}
