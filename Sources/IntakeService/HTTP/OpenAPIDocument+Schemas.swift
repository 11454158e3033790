extension OpenAPIDocument {
    /// The schemas of what the API answers with.
    static let schemas = #"""
        {
          "Status": {
            "enum": ["accepting", "queued", "checking", "pulling", "paused", "succeeded", "failed", "cancelled", "rejected"]
          },
          "NodeState": {
            "description": "unknown: the node has ended, and the event that told how is gone from Kafka.",
            "enum": ["pending", "pulling", "succeeded", "failed", "skipped", "unknown"]
          },
          "Cause": {
            "enum": ["Unauthorized", "NotFound", "RateLimited", "TLS", "Network", "Disk", "Architecture", "Timeout", "Evicted",
              "NodeLost", "InvalidReference", "PolicyDenied", "Helper", "Internal", "Unknown"]
          },
          "Task": {
            "type": "object",
            "required": ["id", "project", "cluster", "status", "priority", "priorityClass", "source", "images", "labels",
              "counts", "acceptedAt", "updatedAt"],
            "properties": {
              "id": {"type": "string", "pattern": "^[0-7][0-9a-hjkmnp-tv-z]{25}$"},
              "project": {"type": "string"},
              "cluster": {"type": "string"},
              "status": {"$ref": "#/components/schemas/Status"},
              "priority": {"type": "integer", "minimum": 1, "maximum": 10},
              "priorityClass": {"enum": ["high", "normal", "low"]},
              "source": {"enum": ["http", "kafka", "kubernetes"]},
              "images": {"type": "array", "items": {"type": "string"}},
              "labels": {"type": "object", "additionalProperties": {"type": "string"}},
              "counts": {
                "type": "object",
                "properties": {
                  "nodesTotal": {"type": "integer"}, "nodesSucceeded": {"type": "integer"},
                  "nodesFailed": {"type": "integer"}, "nodesSkipped": {"type": "integer"},
                  "nodesPulling": {"type": "integer"}
                }
              },
              "retries": {"type": "integer", "description": "How often the task was begun again for its failed nodes."},
              "cause": {"$ref": "#/components/schemas/Cause"},
              "reason": {"type": "string"},
              "message": {"type": "string"},
              "acceptedAt": {"type": "string", "format": "date-time"},
              "queuedAt": {"type": "string", "format": "date-time"},
              "startedAt": {"type": "string", "format": "date-time"},
              "finishedAt": {"type": "string", "format": "date-time"},
              "updatedAt": {"type": "string", "format": "date-time"},
              "deadlineAt": {"type": "string", "format": "date-time"},
              "cancelRequestedAt": {"type": "string", "format": "date-time"},
              "spec": {
                "type": "object",
                "description": "The request with every setting resolved; not in lists, and not of what was refused."
              },
              "errors": {
                "type": "array",
                "description": "What was wrong with a rejected request or PullTask; not in lists.",
                "items": {
                  "type": "object",
                  "required": ["pointer", "code", "detail"],
                  "properties": {
                    "pointer": {"type": "string", "description": "RFC 6901."},
                    "code": {"type": "string"},
                    "detail": {"type": "string"}
                  }
                }
              },
              "errorCount": {"type": "integer", "description": "There may be more than are listed."},
              "request": {
                "type": "object",
                "description": "Where a rejected request stands in Kafka.",
                "properties": {
                  "topic": {"type": "string"}, "partition": {"type": "integer"}, "offset": {"type": "integer"}
                }
              },
              "warnings": {
                "type": "array",
                "description": "What the request's author should look at again; only in the answer to POST /v1/tasks.",
                "items": {
                  "type": "object",
                  "required": ["pointer", "code", "detail"],
                  "properties": {
                    "pointer": {"type": "string"},
                    "code": {"enum": ["unusedCredential", "unusableCredential"]},
                    "detail": {"type": "string"}
                  }
                }
              }
            }
          },
          "TaskPatch": {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": false,
            "properties": {
              "priority": {"type": "integer", "minimum": 1, "maximum": 10},
              "batchSize": {"type": "integer", "minimum": 1, "maximum": 1000},
              "failureTolerance": {"type": "number", "minimum": 0, "maximum": 1000000},
              "timeoutSeconds": {"type": "integer", "minimum": 1, "maximum": 86400},
              "deadlineSeconds": {"type": "integer", "minimum": 1, "maximum": 604800},
              "maxRetries": {"type": "integer", "minimum": 0, "maximum": 10},
              "retryStrategy": {"enum": ["linear", "exponential"]},
              "retryDelay": {"type": "integer", "minimum": 1, "maximum": 3600},
              "retryMaxDelaySeconds": {"type": "integer", "minimum": 1, "maximum": 86400},
              "ttlSecondsAfterFinished": {"type": "integer", "minimum": 0, "maximum": 2592000}
            }
          },
          "Node": {
            "type": "object",
            "required": ["node", "state", "attempt", "images", "updatedAt"],
            "properties": {
              "node": {"type": "string"},
              "state": {"$ref": "#/components/schemas/NodeState"},
              "attempt": {"type": "integer"},
              "images": {
                "type": "array",
                "items": {
                  "type": "object",
                  "required": ["image", "phase"],
                  "properties": {
                    "image": {"type": "string"},
                    "phase": {"enum": ["pending", "pulling", "present", "pulled", "failed"]},
                    "digest": {
                      "type": "string",
                      "description": "Absent where it is unknown: for image volumes a kubelet tells it only with ImageVolumeWithDigest."
                    },
                    "bytes": {
                      "type": "integer",
                      "description": "Size as the runtime counts it; absent where the kubelet has not told it."
                    },
                    "pullMilliseconds": {
                      "type": "integer",
                      "description": "Time of the pull, without the wait for others; absent where the kubelet has not told it."
                    },
                    "cause": {"$ref": "#/components/schemas/Cause"},
                    "message": {"type": "string"}
                  }
                }
              },
              "cause": {"$ref": "#/components/schemas/Cause"},
              "reason": {"type": "string"},
              "message": {"type": "string"},
              "updatedAt": {"type": "string", "format": "date-time"}
            }
          },
          "Delivery": {
            "type": "object",
            "required": ["id", "eventId", "url", "state", "attempt", "attempts"],
            "properties": {
              "id": {"type": "string"},
              "eventId": {"type": "string"},
              "url": {"type": "string"},
              "state": {"enum": ["pending", "delivering", "delivered", "retrying", "exhausted", "disabled"]},
              "attempt": {"type": "integer"},
              "lastStatus": {"type": "integer"},
              "lastError": {"type": "string"},
              "createdAt": {"type": "string", "format": "date-time"},
              "nextAttemptAt": {"type": "string", "format": "date-time"},
              "finishedAt": {"type": "string", "format": "date-time"},
              "attempts": {
                "type": "array",
                "items": {
                  "type": "object",
                  "properties": {
                    "attempt": {"type": "integer"}, "startedAt": {"type": "string", "format": "date-time"},
                    "durationMs": {"type": "integer"}, "status": {"type": ["integer", "null"]},
                    "error": {"type": ["string", "null"]}
                  }
                }
              }
            }
          },
          "RedeliveryRequest": {
            "type": "object",
            "description": "`since` or `taskId` must be there.",
            "additionalProperties": false,
            "properties": {
              "since": {"type": "string", "format": "date-time", "description": "Of events recorded from here on."},
              "until": {"type": "string", "format": "date-time", "description": "Of events recorded before this."},
              "taskId": {"type": "string"},
              "project": {"type": "string"},
              "states": {
                "type": "array", "minItems": 1, "default": ["exhausted", "disabled"],
                "items": {"enum": ["delivered", "exhausted", "disabled"]}
              },
              "dryRun": {"type": "boolean", "default": false}
            }
          },
          "Redelivered": {
            "type": "object",
            "required": ["count", "remaining"],
            "properties": {"count": {"type": "integer", "maximum": 5000}, "remaining": {"type": "integer"}}
          },
          "Cluster": {
            "type": "object",
            "required": ["cluster", "keys", "executors"],
            "properties": {
              "cluster": {"type": "string"},
              "keys": {
                "type": "array",
                "description": "The newest first; seal to the first.",
                "items": {
                  "type": "object",
                  "required": ["keyId", "publicKey"],
                  "properties": {
                    "keyId": {"type": "string"},
                    "publicKey": {"type": "string", "description": "X25519, 32 bytes, base64."},
                    "createdAt": {"type": "string", "format": "date-time"},
                    "pinned": {"type": "boolean"}
                  }
                }
              },
              "executors": {"type": "array", "items": {"type": "string"}},
              "version": {"type": "string"},
              "kubernetesVersion": {"type": "string"},
              "helperImage": {"type": "object", "required": ["image"], "properties": {
                "image": {"type": "string"},
                "problem": {"type": "string", "description": "why nodes cannot be expected to run it"}}},
              "heartbeatAt": {"type": "string", "format": "date-time"}
            }
          },
          "Problem": {
            "type": "object",
            "required": ["type", "title", "status", "detail"],
            "properties": {
              "type": {"type": "string", "format": "uri"},
              "title": {"type": "string"},
              "status": {"type": "integer"},
              "detail": {"type": "string"},
              "instance": {"type": "string"},
              "errorCount": {"type": "integer", "description": "There are more than are listed."},
              "errors": {
                "type": "array",
                "items": {
                  "type": "object",
                  "required": ["pointer", "code", "detail"],
                  "properties": {
                    "pointer": {"type": "string", "description": "RFC 6901."},
                    "code": {"type": "string"},
                    "detail": {"type": "string"}
                  }
                }
              }
            }
          }
        }
        """#
}
