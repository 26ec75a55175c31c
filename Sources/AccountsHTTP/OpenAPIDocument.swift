internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
public import ServiceSupport

/// The HTTP interface as an OpenAPI 3.1 document, at `GET /openapi.json`.
public enum OpenAPIDocument {
    /// Where it is asked for.
    public static let route = Route(
        "/openapi.json",
        [
            .get: { _, _ in
                Response(
                    status: .ok, headers: [.contentType: "application/json"],
                    body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
            }
        ])

    // swift-format-ignore
    private static let text = #"""
        {
         "openapi": "3.1.0",
         "info": {
          "title": "Daybook",
          "version": "0.1.0",
          "description": "An event-sourced account ledger. An answer to a command comes only after its event is durable. Money is exact: numbers of JSON with exactly the currency's fractional digits, at most 15 digits."
         },
         "servers": [
          {
           "url": "http://127.0.0.1:8080",
           "description": "the gateway"
          }
         ],
         "paths": {
          "/accounts/{id}": {
           "parameters": [
            {
             "name": "id",
             "in": "path",
             "required": true,
             "schema": {
              "$ref": "#/components/schemas/AccountID"
             }
            }
           ],
           "post": {
            "operationId": "command",
            "summary": "Execute a command",
            "parameters": [
             {
              "name": "If-Match",
              "in": "header",
              "schema": {
               "type": "string"
              },
              "description": "obey only at this version: \"2\""
             },
             {
              "name": "If-None-Match",
              "in": "header",
              "schema": {
               "const": "*"
              },
              "description": "open only what is not open"
             },
             {
              "name": "Idempotency-Key",
              "in": "header",
              "schema": {
               "type": "string",
               "minLength": 1,
               "maxLength": 257
              },
              "description": "1 to 255 visible ASCII characters, quoted or not: the same key, account and command gives the first outcome again, for ever; a 412 binds no key"
             }
            ],
            "requestBody": {
             "required": true,
             "content": {
              "application/json": {
               "schema": {
                "$ref": "#/components/schemas/Command"
               }
              }
             }
            },
            "responses": {
             "200": {
              "description": "obeyed",
              "headers": {
               "Daybook-Position": {
                "$ref": "#/components/headers/Position"
               },
               "ETag": {
                "schema": {
                 "type": "string"
                }
               },
               "Idempotent-Replayed": {
                "schema": {
                 "const": "true"
                }
               }
              },
              "content": {
               "application/json": {
                "schema": {
                 "$ref": "#/components/schemas/Account"
                }
               }
              }
             },
             "201": {
              "description": "opened",
              "headers": {
               "Daybook-Position": {
                "$ref": "#/components/headers/Position"
               },
               "Location": {
                "schema": {
                 "type": "string"
                }
               }
              },
              "content": {
               "application/json": {
                "schema": {
                 "$ref": "#/components/schemas/Account"
                }
               }
              }
             },
             "400": {
              "description": "malformed-json, invalid-command, invalid-account-id, invalid-parameter, amount-out-of-range, insufficient-funds",
              "content": {
               "application/problem+json": {
                "schema": {
                 "$ref": "#/components/schemas/Problem"
                }
               }
              }
             },
             "404": {
              "description": "account-not-found",
              "content": {
               "application/problem+json": {
                "schema": {
                 "$ref": "#/components/schemas/Problem"
                }
               }
              }
             },
             "409": {
              "description": "account-already-open, command-in-progress",
              "content": {
               "application/problem+json": {
                "schema": {
                 "$ref": "#/components/schemas/Problem"
                }
               }
              }
             },
             "412": {
              "description": "version-mismatch",
              "content": {
               "application/problem+json": {
                "schema": {
                 "$ref": "#/components/schemas/Problem"
                }
               }
              }
             },
             "413": {
              "description": "payload-too-large",
              "content": {
               "application/problem+json": {
                "schema": {
                 "$ref": "#/components/schemas/Problem"
                }
               }
              }
             },
             "415": {
              "description": "unsupported-media-type",
              "content": {
               "application/problem+json": {
                "schema": {
                 "$ref": "#/components/schemas/Problem"
                }
               }
              }
             },
             "422": {
              "description": "idempotency-key-reused",
              "content": {
               "application/problem+json": {
                "schema": {
                 "$ref": "#/components/schemas/Problem"
                }
               }
              }
             },
             "503": {
              "description": "log-unavailable, overloaded: nothing was recorded",
              "content": {
               "application/problem+json": {
                "schema": {
                 "$ref": "#/components/schemas/Problem"
                }
               }
              }
             },
             "504": {
              "description": "outcome-unknown: repeat it with the same key",
              "content": {
               "application/problem+json": {
                "schema": {
                 "$ref": "#/components/schemas/Problem"
                }
               }
              }
             }
            }
           },
           "get": {
            "operationId": "account",
            "summary": "The account, as it is or as it was",
            "parameters": [
             {
              "name": "version",
              "in": "query",
              "schema": {
               "type": "integer",
               "minimum": 0
              },
              "description": "as it was at this version"
             },
             {
              "name": "at",
              "in": "query",
              "schema": {
               "type": "string",
               "format": "date-time"
              },
              "description": "as it was after the last event recorded at or before this time; not beside version"
             },
             {
              "$ref": "#/components/parameters/min_position"
             },
             {
              "$ref": "#/components/parameters/Daybook-Min-Position"
             },
             {
              "$ref": "#/components/parameters/wait"
             }
            ],
            "responses": {
             "200": {
              "description": "the account",
              "headers": {
               "Daybook-Position": {
                "$ref": "#/components/headers/Position"
               },
               "ETag": {
                "schema": {
                 "type": "string"
                }
               },
               "Daybook-Stale": {
                "$ref": "#/components/headers/Stale"
               }
              },
              "content": {
               "application/json": {
                "schema": {
                 "$ref": "#/components/schemas/Account"
                }
               }
              }
             },
             "304": {
              "description": "If-None-Match names the version"
             },
             "400": {
              "description": "invalid-account-id, invalid-parameter",
              "content": {
               "application/problem+json": {
                "schema": {
                 "$ref": "#/components/schemas/Problem"
                }
               }
              }
             },
             "404": {
              "description": "account-not-found, not-found",
              "content": {
               "application/problem+json": {
                "schema": {
                 "$ref": "#/components/schemas/Problem"
                }
               }
              }
             },
             "503": {
              "description": "not-caught-up, log-unavailable or overloaded; Retry-After tells when to ask again",
              "content": {
               "application/problem+json": {
                "schema": {
                 "$ref": "#/components/schemas/Problem"
                }
               }
              }
             }
            }
           }
          },
          "/accounts/{id}/events": {
           "parameters": [
            {
             "name": "id",
             "in": "path",
             "required": true,
             "schema": {
              "$ref": "#/components/schemas/AccountID"
             }
            }
           ],
           "get": {
            "operationId": "accountEvents",
            "summary": "The account's history, oldest first",
            "parameters": [
             {
              "name": "after_version",
              "in": "query",
              "schema": {
               "type": "integer",
               "minimum": 0
              },
              "description": "only after this version"
             },
             {
              "name": "before_version",
              "in": "query",
              "schema": {
               "type": "integer",
               "minimum": 0
              },
              "description": "the last before this version; not beside after_version"
             },
             {
              "name": "limit",
              "in": "query",
              "schema": {
               "type": "integer",
               "minimum": 1,
               "maximum": 10000,
               "default": 1000
              },
              "description": "at most so many"
             },
             {
              "$ref": "#/components/parameters/min_position"
             },
             {
              "$ref": "#/components/parameters/Daybook-Min-Position"
             },
             {
              "$ref": "#/components/parameters/wait"
             }
            ],
            "responses": {
             "200": {
              "description": "events",
              "headers": {
               "Daybook-Position": {
                "$ref": "#/components/headers/Position"
               },
               "Link": {
                "schema": {
                 "type": "string"
                },
                "description": "<…>; rel=\"next\" while there is more (RFC 8288)"
               }
              },
              "content": {
               "application/json": {
                "schema": {
                 "type": "array",
                 "items": {
                  "$ref": "#/components/schemas/Event"
                 }
                }
               }
              }
             },
             "400": {
              "description": "invalid-account-id, invalid-parameter",
              "content": {
               "application/problem+json": {
                "schema": {
                 "$ref": "#/components/schemas/Problem"
                }
               }
              }
             },
             "404": {
              "description": "account-not-found",
              "content": {
               "application/problem+json": {
                "schema": {
                 "$ref": "#/components/schemas/Problem"
                }
               }
              }
             },
             "503": {
              "description": "not-caught-up, log-unavailable or overloaded; Retry-After tells when to ask again",
              "content": {
               "application/problem+json": {
                "schema": {
                 "$ref": "#/components/schemas/Problem"
                }
               }
              }
             }
            }
           }
          },
          "/accounts": {
           "get": {
            "operationId": "accounts",
            "summary": "All accounts by id",
            "parameters": [
             {
              "name": "after",
              "in": "query",
              "schema": {
               "type": "string"
              },
              "description": "only after this id"
             },
             {
              "name": "limit",
              "in": "query",
              "schema": {
               "type": "integer",
               "minimum": 1,
               "maximum": 1000,
               "default": 100
              },
              "description": "at most so many"
             },
             {
              "name": "owner",
              "in": "query",
              "schema": {
               "type": "string"
              },
              "description": "only this owner's, exactly"
             },
             {
              "name": "at",
              "in": "query",
              "schema": {
               "type": "string",
               "format": "date-time"
              },
              "description": "as they were at this time, at one cut of the log"
             },
             {
              "$ref": "#/components/parameters/min_position"
             },
             {
              "$ref": "#/components/parameters/Daybook-Min-Position"
             },
             {
              "$ref": "#/components/parameters/wait"
             }
            ],
            "responses": {
             "200": {
              "description": "accounts",
              "headers": {
               "Daybook-Position": {
                "$ref": "#/components/headers/Position"
               },
               "Link": {
                "schema": {
                 "type": "string"
                },
                "description": "<…>; rel=\"next\" while there is more (RFC 8288)"
               }
              },
              "content": {
               "application/json": {
                "schema": {
                 "type": "array",
                 "items": {
                  "$ref": "#/components/schemas/Account"
                 }
                }
               }
              }
             },
             "400": {
              "description": "invalid-parameter",
              "content": {
               "application/problem+json": {
                "schema": {
                 "$ref": "#/components/schemas/Problem"
                }
               }
              }
             },
             "503": {
              "description": "not-caught-up, log-unavailable or overloaded; Retry-After tells when to ask again",
              "content": {
               "application/problem+json": {
                "schema": {
                 "$ref": "#/components/schemas/Problem"
                }
               }
              }
             }
            }
           }
          },
          "/events": {
           "get": {
            "operationId": "events",
            "summary": "The whole log in order, or its live feed",
            "parameters": [
             {
              "name": "after",
              "in": "query",
              "schema": {
               "type": "integer",
               "minimum": 0
              },
              "description": "only after this position"
             },
             {
              "name": "limit",
              "in": "query",
              "schema": {
               "type": "integer",
               "minimum": 1,
               "maximum": 10000,
               "default": 1000
              },
              "description": "at most so many"
             },
             {
              "name": "type",
              "in": "query",
              "schema": {
               "type": "string"
              },
              "description": "only of this type"
             },
             {
              "name": "account",
              "in": "query",
              "schema": {
               "$ref": "#/components/schemas/AccountID"
              },
              "description": "only this account's"
             },
             {
              "name": "Last-Event-ID",
              "in": "header",
              "schema": {
               "type": "integer",
               "minimum": 0
              },
              "description": "the feed resumes strictly after this position"
             },
             {
              "$ref": "#/components/parameters/min_position"
             },
             {
              "$ref": "#/components/parameters/Daybook-Min-Position"
             },
             {
              "$ref": "#/components/parameters/wait"
             }
            ],
            "responses": {
             "200": {
              "description": "events; with Accept: text/event-stream a feed whose ids are positions",
              "headers": {
               "Daybook-Position": {
                "$ref": "#/components/headers/Position"
               },
               "Link": {
                "schema": {
                 "type": "string"
                },
                "description": "<…>; rel=\"next\" while there is more (RFC 8288)"
               }
              },
              "content": {
               "application/json": {
                "schema": {
                 "type": "array",
                 "items": {
                  "$ref": "#/components/schemas/Event"
                 }
                }
               },
               "text/event-stream": {
                "schema": {
                 "type": "string"
                }
               }
              }
             },
             "400": {
              "description": "invalid-parameter, invalid-account-id",
              "content": {
               "application/problem+json": {
                "schema": {
                 "$ref": "#/components/schemas/Problem"
                }
               }
              }
             },
             "503": {
              "description": "not-caught-up, log-unavailable or overloaded; Retry-After tells when to ask again",
              "content": {
               "application/problem+json": {
                "schema": {
                 "$ref": "#/components/schemas/Problem"
                }
               }
              }
             }
            }
           }
          },
          "/commands": {
           "post": {
            "operationId": "commands",
            "summary": "Many commands at once, a line each",
            "requestBody": {
             "required": true,
             "content": {
              "application/x-ndjson": {
               "schema": {
                "$ref": "#/components/schemas/BulkCommand"
               }
              }
             }
            },
            "responses": {
             "200": {
              "description": "one line per command, in the same order, each once its command is durable",
              "content": {
               "application/x-ndjson": {
                "schema": {
                 "$ref": "#/components/schemas/BulkAnswer"
                }
               }
              }
             },
             "415": {
              "description": "unsupported-media-type",
              "content": {
               "application/problem+json": {
                "schema": {
                 "$ref": "#/components/schemas/Problem"
                }
               }
              }
             }
            }
           }
          },
          "/livez": {
           "get": {
            "operationId": "livez",
            "summary": "Whether the process lives",
            "responses": {
             "200": {
              "description": "it does"
             }
            }
           }
          },
          "/readyz": {
           "get": {
            "operationId": "readyz",
            "summary": "Whether the service can do its job now",
            "responses": {
             "200": {
              "description": "it can"
             },
             "503": {
              "description": "what is missing"
             }
            }
           }
          },
          "/metrics": {
           "get": {
            "operationId": "metrics",
            "summary": "Figures, in the text format of Prometheus",
            "responses": {
             "200": {
              "description": "figures",
              "content": {
               "text/plain": {
                "schema": {
                 "type": "string"
                }
               }
              }
             }
            }
           }
          }
         },
         "components": {
          "headers": {
           "Position": {
            "schema": {
             "type": "integer",
             "minimum": 0
            },
            "description": "the log position that the answer reflects, or that the command recorded"
           },
           "Stale": {
            "schema": {
             "const": "true"
            },
            "description": "the projection stopped at an event that it cannot read"
           }
          },
          "parameters": {
           "min_position": {
            "name": "min_position",
            "in": "query",
            "schema": {
             "type": "integer",
             "minimum": 0
            },
            "description": "wait until this position is reflected"
           },
           "Daybook-Min-Position": {
            "name": "Daybook-Min-Position",
            "in": "header",
            "schema": {
             "type": "integer",
             "minimum": 0
            },
            "description": "as min_position"
           },
           "wait": {
            "name": "wait",
            "in": "query",
            "schema": {
             "type": "string",
             "pattern": "^[0-9]+(ms|s)$",
             "default": "2s"
            },
            "description": "how long to wait for it, at most 60s"
           }
          },
          "schemas": {
           "AccountID": {
            "type": "string",
            "pattern": "^[A-Za-z0-9._~-]{1,128}$"
           },
           "Amount": {
            "description": "a decimal, as a number or a string that holds the same",
            "anyOf": [
             {
              "type": "number"
             },
             {
              "type": "string"
             }
            ]
           },
           "Command": {
            "oneOf": [
             {
              "$ref": "#/components/schemas/OpenAccount"
             },
             {
              "$ref": "#/components/schemas/Deposit"
             },
             {
              "$ref": "#/components/schemas/Withdraw"
             }
            ]
           },
           "OpenAccount": {
            "type": "object",
            "required": [
             "type",
             "owner",
             "initial_balance"
            ],
            "additionalProperties": false,
            "properties": {
             "type": {
              "const": "OpenAccount"
             },
             "owner": {
              "type": "string",
              "minLength": 1,
              "maxLength": 256
             },
             "initial_balance": {
              "$ref": "#/components/schemas/Amount"
             },
             "currency": {
              "type": "string",
              "pattern": "^[A-Z]{3}$",
              "default": "USD"
             }
            }
           },
           "Deposit": {
            "type": "object",
            "required": [
             "type",
             "amount"
            ],
            "additionalProperties": false,
            "properties": {
             "type": {
              "const": "Deposit"
             },
             "amount": {
              "$ref": "#/components/schemas/Amount"
             }
            }
           },
           "Withdraw": {
            "type": "object",
            "required": [
             "type",
             "amount"
            ],
            "additionalProperties": false,
            "properties": {
             "type": {
              "const": "Withdraw"
             },
             "amount": {
              "$ref": "#/components/schemas/Amount"
             }
            }
           },
           "BulkCommand": {
            "type": "object",
            "description": "a command's own fields, and these",
            "required": [
             "account",
             "type"
            ],
            "properties": {
             "account": {
              "$ref": "#/components/schemas/AccountID"
             },
             "type": {
              "type": "string"
             },
             "idempotency_key": {
              "type": "string"
             },
             "if_match": {
              "type": "integer",
              "minimum": 0
             }
            }
           },
           "BulkAnswer": {
            "type": "object",
            "required": [
             "line",
             "status"
            ],
            "properties": {
             "line": {
              "type": "integer",
              "minimum": 1
             },
             "status": {
              "type": "integer"
             },
             "account": {
              "$ref": "#/components/schemas/Account"
             },
             "position": {
              "type": "integer",
              "minimum": 0
             },
             "replayed": {
              "const": true
             },
             "problem": {
              "$ref": "#/components/schemas/Problem"
             }
            }
           },
           "Account": {
            "type": "object",
            "required": [
             "id",
             "owner",
             "balance",
             "version",
             "currency",
             "status",
             "opened_at",
             "updated_at"
            ],
            "properties": {
             "id": {
              "$ref": "#/components/schemas/AccountID"
             },
             "owner": {
              "type": "string"
             },
             "balance": {
              "type": "number"
             },
             "version": {
              "type": "integer",
              "minimum": 1
             },
             "currency": {
              "type": "string"
             },
             "status": {
              "const": "open"
             },
             "opened_at": {
              "type": "string",
              "format": "date-time"
             },
             "updated_at": {
              "type": "string",
              "format": "date-time"
             }
            }
           },
           "Event": {
            "type": "object",
            "required": [
             "type",
             "version",
             "position",
             "id",
             "time"
            ],
            "properties": {
             "type": {
              "type": "string"
             },
             "account": {
              "$ref": "#/components/schemas/AccountID"
             },
             "owner": {
              "type": "string"
             },
             "initial_balance": {
              "type": "number"
             },
             "currency": {
              "type": "string"
             },
             "amount": {
              "type": "number"
             },
             "version": {
              "type": "integer",
              "minimum": 1
             },
             "position": {
              "type": "integer",
              "minimum": 1
             },
             "id": {
              "type": "string",
              "format": "uuid"
             },
             "time": {
              "type": "string",
              "format": "date-time"
             }
            }
           },
           "Problem": {
            "type": "object",
            "description": "RFC 9457",
            "required": [
             "type",
             "title",
             "status",
             "detail"
            ],
            "properties": {
             "type": {
              "type": "string",
              "pattern": "^/problems/"
             },
             "title": {
              "type": "string"
             },
             "status": {
              "type": "integer"
             },
             "detail": {
              "type": "string"
             },
             "errors": {
              "type": "array",
              "items": {
               "type": "object",
               "properties": {
                "pointer": {
                 "type": "string"
                },
                "detail": {
                 "type": "string"
                }
               }
              }
             },
             "available": {
              "type": "number"
             },
             "requested": {
              "type": "number"
             },
             "shortfall": {
              "type": "number"
             },
             "currency": {
              "type": "string"
             },
             "expected": {
              "type": "integer",
              "minimum": 0
             },
             "actual": {
              "type": "integer",
              "minimum": 0
             }
            }
           }
          }
         }
        }
        """#
}
