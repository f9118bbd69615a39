"""A small contract for the edge's tests, with every form that the real one uses and a few that only Connexion itself reads."""

from __future__ import annotations

from typing import Any

import yaml

_YAML = r"""
openapi: 3.0.3
info: {title: Test, version: '1'}
servers: [{url: /}]
security: [{basic: []}]
paths:
  /:
    get: {operationId: orders.root, security: [], responses: &ok {'200': {description: ok, content: {application/json: {}}}}}
  /orders:
    post:
      operationId: orders.place
      parameters:
        - {name: Idempotency-Key, in: header, schema: {type: string, minLength: 1, maxLength: 20, pattern: '^[\x21-\x7e]+$'}}
      requestBody: {required: true, content: {application/json: {schema: {$ref: '#/components/schemas/Order'}}}}
      responses: *ok
  /orders/active:
    get: {operationId: orders.active, responses: *ok}
  /orders/search:
    x-also-at: /orders/search/
    post: {operationId: orders.searched, responses: *ok}
  /orders/stream:
    get: {operationId: orders.stream, responses: {'200': {description: ok, content: {text/event-stream: {}}}}}
  /orders/{order_id}:
    get:
      operationId: orders.get
      parameters:
        - {name: order_id, in: path, required: true, schema: {$ref: '#/components/schemas/Name'}}
        - {name: wait, in: query, schema: {type: number, minimum: 0, maximum: 60, default: 0}}
        - {name: verbose, in: query, schema: {type: boolean}}
      responses: *ok
  /accounts/{account_name}/orders/{number}/cancel:
    post:
      operationId: orders.cancel
      parameters:
        - {name: account_name, in: path, required: true, schema: {$ref: '#/components/schemas/Name'}}
        - {name: number, in: path, required: true, schema: {type: integer, minimum: 1, maximum: 1000}}
      responses: *ok
  /accounts/{account_name}/keys:
    post:
      operationId: orders.add_keys
      parameters:
        - {name: account_name, in: path, required: true, schema: {$ref: '#/components/schemas/Name'}}
      requestBody:
        required: true
        content:
          application/json:
            schema:
              type: object
              minProperties: 1
              additionalProperties: {type: string, format: password, minLength: 1, maxLength: 40}
      responses: *ok
  /optional:
    post:
      operationId: orders.optional
      requestBody: {content: {application/json: {schema: {$ref: '#/components/schemas/Filter'}}}}
      responses: *ok
  /fail/{kind}:
    get:
      operationId: orders.fail
      parameters: [{name: kind, in: path, required: true, schema: {type: string}}]
      responses: *ok
  /numbers:
    get: {operationId: orders.numbers, responses: *ok}
  /reports/search:
    post:
      operationId: reports.search
      requestBody: {required: true, content: {application/json: {schema: {$ref: '#/components/schemas/Filter'}}}}
      responses: *ok
  /connectors/{connector_name}/pairs:
    get:
      operationId: reports.pairs
      parameters:
        - {name: connector_name, in: path, required: true, schema: {$ref: '#/components/schemas/Name'}}
        - {name: trading_pairs, in: query, schema: {type: array, maxItems: 3, items: {$ref: '#/components/schemas/Name'}}}
        - {name: limits, in: query, explode: false, schema: {type: array, items: {type: integer}}}
      responses: *ok
  /reports/{number}:
    get:
      operationId: reports.numbered
      parameters: [{name: number, in: path, required: true, schema: {type: integer}}]
      responses: *ok
  /reports/fail:
    post: {operationId: reports.fail, responses: *ok}
  /reports/crash:
    post: {operationId: reports.crash, responses: *ok}
  /reports/whoami:
    get: {operationId: reports.whoami, security: [{basic: []}, {}], responses: *ok}
  /form:
    post:
      operationId: reports.form
      requestBody:
        content:
          application/x-www-form-urlencoded:
            schema: {type: object, required: [name], properties: {name: {type: string, maxLength: 10}}}
      responses: *ok
components:
  securitySchemes:
    basic: {type: http, scheme: basic}
  schemas:
    Name: {type: string, minLength: 1, maxLength: 20, pattern: '^[^\x00-\x1f\x7f/]+$'}
    Side: {type: string, enum: [BUY, SELL]}
    Amount:
      anyOf:
        - {type: number, format: decimal, minimum: 1.0e-36, maximum: 1.0e+36}
        - {type: string, format: decimal, maxLength: 80}
    Price:
      anyOf:
        - {type: number, format: decimal, minimum: 0, exclusiveMinimum: true, multipleOf: 0.01, nullable: true}
        - {type: string, format: decimal}
    Order:
      type: object
      required: [account_name, amount]
      properties:
        account_name: {$ref: '#/components/schemas/Name'}
        amount: {$ref: '#/components/schemas/Amount'}
        price: {$ref: '#/components/schemas/Price'}
        side: {allOf: [{$ref: '#/components/schemas/Side'}], default: BUY}
        post_only: {type: boolean, default: false}
        tags: {type: array, maxItems: 2, items: {type: string}}
        count: {type: integer, nullable: true}
        legs:
          type: array
          items: {type: object, properties: {amount: {$ref: '#/components/schemas/Amount'}, side: {type: string, default: SELL}}}
    Filter:
      type: object
      properties:
        limit: {type: integer, minimum: 1, maximum: 1000, default: 100}
        names: {type: array, nullable: true, items: {$ref: '#/components/schemas/Name'}}
"""


def small_contract() -> dict[str, Any]:
    """The contract as a fresh dictionary that the caller may change."""
    contract = yaml.safe_load(_YAML)
    assert isinstance(contract, dict)
    return contract


def one_operation(operation_id: str, path: str = "/thing", method: str = "post", **operation: Any) -> dict[str, Any]:
    """A contract with a single open operation."""
    responses = {"200": {"description": "ok", "content": {"application/json": {}}}}
    entry = {"operationId": operation_id, "responses": responses, **operation}
    return {"openapi": "3.0.3", "info": {"title": "Test", "version": "1"}, "paths": {path: {method: entry}}}
