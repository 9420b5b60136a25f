// The section `http` of a pipeline, and `http` of its sources.
#pragma once

#include <cstdint>
#include <string>

#include "operators/pipeline/secret_spec.h"

namespace leadflow {

// Where the process shows its health and its metrics, and takes webhooks.
struct HttpSpec {
  std::string address;  // IPv4 or IPv6
  std::uint16_t port = 0;
  bool loopback = true;     // nobody else reaches it
  std::string tokens_file;  // resolved; empty: none, and the address is a loopback one
};

// What is posted to a path of the process is a source, if the sender proves who it is.
struct WebhookSpec {
  std::string path;              // "/webhooks/shop"
  std::string signature_header;  // empty: nothing is signed
  SecretSpec key;
  bool hex = false;         // the signature; else base64
  std::string tokens_file;  // resolved; empty: none
};

}  // namespace leadflow
