// HttpClient: asks an HTTP/1.1 server and waits for the answer: one connection a question, plain or
// TLS 1.2 and newer with the name of the server checked. Everything is bounded: the time of a
// question, the size of an answer, how often it is asked again. Redirects are not followed.
// Not thread-safe.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/base/status.h"

namespace leadflow {

struct HttpClientOptions {
  bool tls = false;
  std::string host;  // A name or an address, IPv6 without brackets.
  std::uint16_t port = 0;
  std::string ca_file;  // PEM; empty: the certificate authorities of the system.
  // A login by basic authentication, or a bearer token; empty: none. Never in a message.
  std::string username, password, token;
  std::string accept = "*/*";  // Types of answers.
  std::string body_type = "application/json";

  // Of a question, from the look-up of the name to the end of the answer. (A resolver that hangs
  // may take its own time beyond it.)
  std::chrono::milliseconds time{10'000};
  std::size_t header_bytes = std::size_t{16} << 10;
  std::size_t body_bytes = std::size_t{1} << 20;
  // How often a question is asked to which there was no answer, or one that blames the server (429,
  // 5xx), and how long it waits in between: the second time twice as long.
  int attempts = 3;
  std::chrono::milliseconds pause{250};
};

struct HttpReply {
  int status = 0;
  std::string body;
  std::string location;  // Of a redirect.
};

class HttpClient {
 public:
  explicit HttpClient(HttpClientOptions options);

  // `path` with its query; `body`: sent by POST, or empty: GET. REQUIRES: the same question
  // asked twice does what it does once. kUnavailable: no answer; kFailedPrecondition: there cannot
  // be one (certificates, no HTTP, too much of it).
  Result<HttpReply> Ask(const std::string& path, const std::string& body) const;

 private:
  Result<HttpReply> AskOnce(const std::string& path, const std::string& body) const;

  const HttpClientOptions options_;
  const std::string authorization_;
};

}  // namespace leadflow
