extension OpenAPIDocument {
    /// The document without its components.
    static let paths = #"""
        {
          "openapi": "3.1.0",
          "info": {
            "title": "Longshore",
            "version": "1.0.0",
            "description": "Puts container images onto Kubernetes nodes before they are needed."
          },
          "security": [{"bearer": []}],
          "paths": {
            "/v1/tasks": {
              "post": {
                "operationId": "submitTask",
                "summary": "Ask for images on nodes",
                "description": "Answered once Kafka has the task: from then on it reaches exactly one terminal status.",
                "parameters": [{"$ref": "#/components/parameters/idempotencyKey"}],
                "requestBody": {
                  "required": true,
                  "content": {"application/json": {"schema": {"$ref": "#/components/schemas/TaskRequest"}}}
                },
                "responses": {
                  "202": {
                    "description": "Accepted. With Idempotency-Replayed: true, it was accepted before.",
                    "headers": {"Location": {"schema": {"type": "string"}}},
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Task"}}}
                  },
                  "400": {"$ref": "#/components/responses/problem"},
                  "401": {"$ref": "#/components/responses/problem"},
                  "403": {"$ref": "#/components/responses/problem"},
                  "409": {"$ref": "#/components/responses/problem"},
                  "413": {"$ref": "#/components/responses/problem"},
                  "415": {"$ref": "#/components/responses/problem"},
                  "422": {"$ref": "#/components/responses/problem"},
                  "426": {"$ref": "#/components/responses/problem"},
                  "429": {"$ref": "#/components/responses/problem"},
                  "503": {"$ref": "#/components/responses/problem"}
                }
              },
              "get": {
                "operationId": "listTasks",
                "summary": "List tasks, the newest first",
                "parameters": [
                  {"name": "status", "in": "query", "explode": false,
                   "schema": {"type": "array", "items": {"$ref": "#/components/schemas/Status"}}},
                  {"name": "project", "in": "query", "schema": {"type": "string"}},
                  {"name": "label", "in": "query", "explode": false, "description": "key=value; all of several must hold.",
                   "schema": {"type": "array", "items": {"type": "string"}}},
                  {"name": "image", "in": "query", "description": "An image reference, normalised as in requests.",
                   "schema": {"type": "string"}},
                  {"name": "cluster", "in": "query", "description": "Only tasks of this cluster.",
                   "schema": {"type": "string"}},
                  {"name": "since", "in": "query", "description": "Only tasks accepted at this time or later.",
                   "schema": {"type": "string", "format": "date-time"}},
                  {"name": "idPrefix", "in": "query", "description": "Only tasks whose id begins so.",
                   "schema": {"type": "string", "pattern": "^[0-7][0-9a-hjkmnp-tv-z]{0,25}$"}},
                  {"$ref": "#/components/parameters/limit"},
                  {"$ref": "#/components/parameters/cursor"}
                ],
                "responses": {
                  "200": {
                    "description": "A page, without the tasks' settings.",
                    "content": {"application/json": {"schema": {
                      "type": "object", "required": ["items"],
                      "properties": {
                        "items": {"type": "array", "items": {"$ref": "#/components/schemas/Task"}},
                        "nextCursor": {"type": "string"}
                      }
                    }}}
                  },
                  "default": {"$ref": "#/components/responses/problem"}
                }
              }
            },
            "/v1/tasks/{id}": {
              "parameters": [{"$ref": "#/components/parameters/id"}],
              "get": {
                "operationId": "readTask",
                "summary": "Read a task",
                "responses": {
                  "200": {
                    "description": "The task with its settings; credentials appear as references.",
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Task"}}}
                  },
                  "default": {"$ref": "#/components/responses/problem"}
                }
              },
              "patch": {
                "operationId": "editTask",
                "summary": "Change a task that has not ended",
                "requestBody": {
                  "required": true,
                  "content": {"application/json": {"schema": {"$ref": "#/components/schemas/TaskPatch"}}}
                },
                "responses": {
                  "202": {
                    "description": "The wish is on its way; the task shows it when its executor has it.",
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Task"}}}
                  },
                  "409": {"$ref": "#/components/responses/problem"},
                  "422": {"$ref": "#/components/responses/problem"},
                  "default": {"$ref": "#/components/responses/problem"}
                }
              },
              "delete": {
                "operationId": "cancelTask",
                "summary": "Cancel a task",
                "responses": {
                  "202": {
                    "description": "The wish is on its way; the task ends as cancelled unless it ends otherwise first.",
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Task"}}}
                  },
                  "409": {"$ref": "#/components/responses/problem"},
                  "default": {"$ref": "#/components/responses/problem"}
                }
              }
            },
            "/v1/tasks/{id}/retry": {
              "parameters": [{"$ref": "#/components/parameters/id"}],
              "post": {
                "operationId": "retryTask",
                "summary": "Try a finished task's failed nodes again",
                "description": "The same task: its status goes back to pulling, `retries` counts up, attempts go on counting, and it ends once more with an event of a higher sequence. Nodes that the task's end kept from being done are tried, too. 409 for a task that has not ended, was cancelled or rejected, has nothing to try again, or whose credential came with it and is gone.",
                "responses": {
                  "202": {
                    "description": "The wish is on its way.",
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Task"}}}
                  },
                  "409": {"$ref": "#/components/responses/problem"},
                  "default": {"$ref": "#/components/responses/problem"}
                }
              }
            },
            "/v1/tasks/{id}/pause": {
              "parameters": [{"$ref": "#/components/parameters/id"}],
              "post": {
                "operationId": "pauseTask",
                "summary": "Start no further node",
                "description": "Nodes in work go on. 409 for a task that has ended.",
                "responses": {
                  "202": {
                    "description": "The wish is on its way.",
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Task"}}}
                  },
                  "409": {"$ref": "#/components/responses/problem"},
                  "default": {"$ref": "#/components/responses/problem"}
                }
              }
            },
            "/v1/tasks/{id}/resume": {
              "parameters": [{"$ref": "#/components/parameters/id"}],
              "post": {
                "operationId": "resumeTask",
                "summary": "Start nodes again",
                "description": "409 for a task that has ended.",
                "responses": {
                  "202": {
                    "description": "The wish is on its way.",
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Task"}}}
                  },
                  "409": {"$ref": "#/components/responses/problem"},
                  "default": {"$ref": "#/components/responses/problem"}
                }
              }
            },
            "/v1/tasks/{id}/nodes": {
              "parameters": [{"$ref": "#/components/parameters/id"}],
              "get": {
                "operationId": "listNodes",
                "summary": "List the nodes of a task by name",
                "parameters": [
                  {"name": "state", "in": "query", "explode": false,
                   "schema": {"type": "array", "items": {"$ref": "#/components/schemas/NodeState"}}},
                  {"$ref": "#/components/parameters/limit"},
                  {"$ref": "#/components/parameters/cursor"}
                ],
                "responses": {
                  "200": {
                    "description": "A page of nodes that work has begun on, or that were set aside.",
                    "content": {"application/json": {"schema": {
                      "type": "object", "required": ["items"],
                      "properties": {
                        "items": {"type": "array", "items": {"$ref": "#/components/schemas/Node"}},
                        "nextCursor": {"type": "string"}
                      }
                    }}}
                  },
                  "default": {"$ref": "#/components/responses/problem"}
                }
              }
            },
            "/v1/tasks/{id}/events": {
              "parameters": [{"$ref": "#/components/parameters/id"}],
              "get": {
                "operationId": "followTask",
                "summary": "Follow a task's events",
                "description": "Server-sent events: `id` is the sequence, `event` the short type, `data` the CloudEvent in structured JSON. Ends with the task.",
                "parameters": [
                  {"name": "Last-Event-ID", "in": "header", "schema": {"type": "string"}},
                  {"name": "lastEventId", "in": "query", "schema": {"type": "string"}}
                ],
                "responses": {
                  "200": {"description": "The stream.", "content": {"text/event-stream": {"schema": {"type": "string"}}}},
                  "default": {"$ref": "#/components/responses/problem"}
                }
              }
            },
            "/v1/tasks/{id}/deliveries": {
              "parameters": [{"$ref": "#/components/parameters/id"}],
              "get": {
                "operationId": "listDeliveries",
                "summary": "List what was sent, or is to be sent, by webhook about a task",
                "responses": {
                  "200": {
                    "description": "At most 500 deliveries with their attempts.",
                    "content": {"application/json": {"schema": {
                      "type": "object", "required": ["items"],
                      "properties": {"items": {"type": "array", "items": {"$ref": "#/components/schemas/Delivery"}}}
                    }}}
                  },
                  "default": {"$ref": "#/components/responses/problem"}
                }
              }
            },
            "/v1/deliveries/{id}/redeliver": {
              "parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "string"}}],
              "post": {
                "operationId": "redeliver",
                "summary": "Send a webhook again",
                "description": "Due at once, whatever has become of it; a failure follows the schedule from there on.",
                "responses": {
                  "202": {
                    "description": "The delivery, due again.",
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Delivery"}}}
                  },
                  "409": {"$ref": "#/components/responses/problem"},
                  "default": {"$ref": "#/components/responses/problem"}
                }
              }
            },
            "/v1/deliveries/redeliver": {
              "post": {
                "operationId": "redeliverMany",
                "summary": "Send the webhooks of a time or of a task again",
                "requestBody": {
                  "required": true,
                  "content": {"application/json": {"schema": {"$ref": "#/components/schemas/RedeliveryRequest"}}}
                },
                "responses": {
                  "200": {
                    "description": "How many there are, of a dry run.",
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Redelivered"}}}
                  },
                  "202": {
                    "description": "How many are due again, the oldest first, and how many are left for the next request.",
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Redelivered"}}}
                  },
                  "default": {"$ref": "#/components/responses/problem"}
                }
              }
            },
            "/v1/clusters": {
              "get": {
                "operationId": "listClusters",
                "summary": "List the clusters of the fleet with the keys that credentials are sealed to",
                "responses": {
                  "200": {
                    "description": "All clusters that tasks may name.",
                    "content": {"application/json": {"schema": {
                      "type": "object", "required": ["items"],
                      "properties": {"items": {"type": "array", "items": {"$ref": "#/components/schemas/Cluster"}}}
                    }}}
                  },
                  "default": {"$ref": "#/components/responses/problem"}
                }
              }
            },
            "/openapi.json": {
              "get": {
                "operationId": "describe",
                "summary": "This document",
                "security": [],
                "responses": {
                  "200": {"description": "OpenAPI 3.1.", "content": {"application/json": {"schema": {"type": "object"}}}}
                }
              }
            }
          }
        }
        """#
}
