// HttpServer: answers GET and HEAD from a function, on a thread of its own: HTTP/1.1, one request a
// connection. Everything is bounded: connections, the size and the time of a request, the time of
// an answer. When all connections are taken, a new one takes the place of the oldest.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "engine/base/status.h"

namespace leadflow {

struct HttpRequest {
  std::string_view path;   // "/metrics", without the query; as it was sent, nothing decoded
  std::string_view token;  // of `Authorization: Bearer TOKEN`; empty: none
};

struct HttpAnswer {
  int status = 200;
  std::string body;
  std::string type = "text/plain; charset=utf-8";
};

struct HttpServerOptions {
  std::string address = "127.0.0.1";  // IPv4 or IPv6, no name
  std::uint16_t port = 0;             // 0: any that is free
  std::size_t connections_max = 64;
  std::size_t header_bytes = 8 << 10;
  std::chrono::milliseconds request_time{10'000};  // from the connection to the end of the answer
};

class HttpServer {
  class Loop;

 public:
  // Called by the server's thread, one request after the other; must not wait for anything.
  using Handler = std::function<HttpAnswer(const HttpRequest&)>;

  // Listens from when it returns. Errors name the address.
  static Result<std::unique_ptr<HttpServer>> Start(const HttpServerOptions& options,
                                                   Handler handler);
  // Closes everything; the handler is not called any more.
  explicit HttpServer(std::unique_ptr<Loop> loop);  // Use Start.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  std::uint16_t port() const;

 private:
  const std::unique_ptr<Loop> loop_;
};

}  // namespace leadflow
