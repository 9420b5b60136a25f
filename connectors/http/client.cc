#include "connectors/http/client.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>

namespace leadflow {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;

constexpr std::uint64_t kBodyMax = std::uint64_t{16} << 20;

// One question: connect, write, read, each in the time that is left of the whole.
class Question {
 public:
  Question(const HttpAddress& address, std::string_view path, std::string_view token)
      : stream_(context_) {
    request_.version(11);
    request_.method(http::verb::get);
    request_.target({path.data(), path.size()});
    request_.set(http::field::host, address.host + ":" + address.port);
    if (!token.empty()) {
      request_.set(http::field::authorization, "Bearer " + std::string(token));
    }
    parser_.body_limit(kBodyMax);
  }

  error_code Ask(const HttpAddress& address, std::chrono::milliseconds time) {
    error_code error;
    asio::ip::tcp::resolver resolver(context_);
    const auto found = resolver.resolve(address.host, address.port, error);
    if (error) return error;
    stream_.expires_after(time);
    stream_.async_connect(found, [&](const error_code& failed, const auto&) {
      error = failed;
      if (!failed) Write(&error);
    });
    context_.run();
    return error;
  }

  const http::response<http::string_body>& answer() const { return parser_.get(); }

 private:
  void Write(error_code* error) {
    http::async_write(stream_, request_, [this, error](const error_code& failed, std::size_t) {
      *error = failed;
      if (failed) return;
      http::async_read(stream_, buffer_, parser_,
                       [error](const error_code& broken, std::size_t) { *error = broken; });
    });
  }

  asio::io_context context_{1};
  beast::tcp_stream stream_;
  beast::flat_buffer buffer_;
  http::request<http::empty_body> request_;
  http::response_parser<http::string_body> parser_;
};

}  // namespace

Result<HttpAddress> ParseHttpAddress(std::string_view url) {
  const auto wrong = [given = std::string(url)](std::string_view what) {
    return Status::InvalidArgument("`" + given + "`: " + std::string(what) +
                                   "; as in http://127.0.0.1:8080");
  };
  constexpr std::string_view kScheme = "http://";
  if (url.starts_with("https://")) return wrong("no encrypted connections are made");
  if (url.starts_with(kScheme)) url.remove_prefix(kScheme.size());
  url = url.substr(0, url.find('/'));
  const std::size_t colon = url.rfind(':');
  if (colon == std::string_view::npos || url.ends_with(']')) return wrong("it names no port");
  std::string_view host = url.substr(0, colon);
  const std::string_view port = url.substr(colon + 1);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (host.empty() || port.empty() || port.size() > 5 ||
      port.find_first_not_of("0123456789") != std::string_view::npos) {
    return wrong("no host and port");
  }
  return HttpAddress{std::string(host), std::string(port)};
}

Result<std::string> HttpGet(const HttpAddress& address, std::string_view path,
                            std::string_view token, std::chrono::milliseconds time) {
  const std::string where = "http://" + address.host + ":" + address.port + std::string(path);
  try {
    Question question(address, path, token);
    const error_code error = question.Ask(address, time);
    if (error) return Status::Unavailable(where + " does not answer: " + error.message());
    const auto& answer = question.answer();
    if (answer.result() == http::status::ok) return std::string(answer.body());
    return Status(ErrorCode::kFailedPrecondition,
                  where + " answers " + std::to_string(answer.result_int()) +
                      (answer.result() == http::status::unauthorized
                           ? ": it asks for a token; give --token-file"
                           : ""));
  } catch (const std::exception& unexpected) {  // Of Boost, which has no other way for some.
    return Status(ErrorCode::kInternal, where + ": " + unexpected.what());
  }
}

}  // namespace leadflow
