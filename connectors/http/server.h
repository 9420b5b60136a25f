// HttpServer: answers GET, HEAD and POST from a function, on a thread of its own: HTTP/1.1, one
// request a connection. Everything is bounded: connections, the size and the time of a request, the
// time of an answer. When all connections are taken, a new one takes the place of the oldest that
// does not wait for its answer.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/record_header.h"
#include "engine/base/status.h"

namespace leadflow {

struct HttpRequest {
  std::string_view path;   // "/metrics", without the query; as it was sent, nothing decoded
  std::string_view token;  // of `Authorization: Bearer TOKEN`, or the password of `Basic`; or none
  bool post = false;       // Else GET or HEAD.
  std::string_view body = {};              // Of a POST to a path that takes some.
  std::vector<RecordHeader> headers = {};  // Of a POST, as they were sent.

  // Empty: there is none. Names of headers are the same in any case.
  std::string_view header(std::string_view name) const;
};

struct HttpAnswer {
  int status = 200;
  std::string body;
  std::string type = "text/plain; charset=utf-8";
  std::string allow = "GET, HEAD";  // 405: what else
  int retry_after_s = 0;            // 503: when; 0: it does not say
};

struct HttpServerOptions {
  std::string address = "127.0.0.1";  // IPv4 or IPv6, no name
  std::uint16_t port = 0;             // 0: any that is free
  std::size_t connections_max = 64;
  std::size_t header_bytes = 8 << 10;
  std::chrono::milliseconds request_time{10'000};  // until it has arrived, and for the answer's way
  std::chrono::milliseconds answer_time{8'000};    // of the handler; then it is answered 503
  // Paths to which bodies are sent; null: none.
  std::function<bool(std::string_view path)> takes_body = {};
  std::size_t body_bytes = std::size_t{1} << 20;
};

class HttpServer {
  class Loop;

 public:
  // To be called once, by any thread, as long as the server is there.
  using Reply = std::function<void(HttpAnswer)>;
  // Called by the server's thread, one request after the other; must not wait for anything. The
  // request is gone when it returns.
  using Handler = std::function<void(const HttpRequest&, Reply)>;

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
