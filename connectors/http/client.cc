#include "connectors/http/client.h"

#include <exception>
#include <type_traits>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <sodium.h>

namespace leadflow {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;
using TlsStream = beast::ssl_stream<beast::tcp_stream>;
using Question = http::request<http::string_body>;

std::string Login(const HttpClientOptions& options) {
  if (!options.token.empty()) return "Bearer " + options.token;
  if (options.username.empty()) return {};
  const std::string login = options.username + ":" + options.password;
  constexpr int kVariant = sodium_base64_VARIANT_ORIGINAL;
  std::string text(sodium_base64_encoded_len(login.size(), kVariant), '\0');
  sodium_bin2base64(text.data(), text.size(), reinterpret_cast<const unsigned char*>(login.data()),
                    login.size(), kVariant);
  text.pop_back();  // The null byte behind it.
  return "Basic " + text;
}

Status CannotBe(std::string message) {
  return {ErrorCode::kFailedPrecondition, std::move(message)};
}

// Why there is no answer, by what was being done.
Status NoAnswer(const HttpClientOptions& options, const char* step, const error_code& error) {
  if (error == http::error::body_limit) {
    return CannotBe("answers with more than " + std::to_string(options.body_bytes) + " bytes");
  }
  if (error == http::error::end_of_stream || error == http::error::partial_message) {
    return Status::Unavailable("ends the connection before its answer");
  }
  if (error.category() == http::make_error_code(http::error::bad_method).category()) {
    return CannotBe("answers with what is no HTTP: " + error.message());
  }
  std::string message = std::string(step) + ": " + error.message();
  if (error.category() == asio::error::get_ssl_category()) return CannotBe(std::move(message));
  return Status::Unavailable(std::move(message));
}

// One question on its way, on the thread that runs the context. `Stream`: plain or TLS.
template <class Stream>
class Conversation {
 public:
  Conversation(asio::io_context* context, Stream stream, const HttpClientOptions& options,
               Question question)
      : options_(options),
        resolver_(*context),
        stream_(std::move(stream)),
        question_(std::move(question)) {
    parser_.header_limit(static_cast<std::uint32_t>(options.header_bytes));
    parser_.body_limit(options.body_bytes);
  }

  void Begin() {
    resolver_.async_resolve(
        options_.host, std::to_string(options_.port),
        [this](const error_code& error, asio::ip::tcp::resolver::results_type found) {
          if (error) return End("cannot find the host", error);
          beast::get_lowest_layer(stream_).async_connect(
              found, [this](const error_code& failed, const asio::ip::tcp::endpoint&) {
                if (failed) return End("cannot connect", failed);
                Greet();
              });
        });
  }

  bool ended() const { return ended_; }
  // REQUIRES: ended()
  Result<HttpReply> TakeReply() {
    if (!status_.ok()) return status_;
    auto& answer = parser_.get();
    const auto location = answer[http::field::location];
    return HttpReply{static_cast<int>(answer.result_int()), std::move(answer.body()),
                     std::string(location.data(), location.size())};
  }

 private:
  void Greet() {
    if constexpr (std::is_same_v<Stream, TlsStream>) {
      stream_.async_handshake(asio::ssl::stream_base::client, [this](const error_code& error) {
        if (error) return End("no encrypted connection", error);
        Send();
      });
    } else {
      Send();
    }
  }

  void Send() {
    http::async_write(stream_, question_, [this](const error_code& error, std::size_t) {
      if (error) return End("cannot send", error);
      http::async_read_header(stream_, buffer_, parser_,
                              [this](const error_code& failed, std::size_t) {
                                if (failed) return End("no answer", failed);
                                ReadBody();
                              });
    });
  }

  // The parser of Boost 1.74 does not keep to its limit if a body comes with its header.
  void ReadBody() {
    if (parser_.content_length().value_or(0) > options_.body_bytes) {
      return End("no answer", http::make_error_code(http::error::body_limit));
    }
    http::async_read(stream_, buffer_, parser_,
                     [this](const error_code& error, std::size_t) { End("no answer", error); });
  }

  void End(const char* step, const error_code& error) {
    ended_ = true;
    if (error) status_ = NoAnswer(options_, step, error);
  }

  const HttpClientOptions& options_;
  asio::ip::tcp::resolver resolver_;
  Stream stream_;
  Question question_;
  beast::flat_buffer buffer_;
  http::response_parser<http::string_body> parser_;
  bool ended_ = false;
  Status status_;
};

template <class Stream>
Result<HttpReply> Converse(asio::io_context* context, Stream stream,
                           const HttpClientOptions& options, Question question) {
  Conversation<Stream> conversation(context, std::move(stream), options, std::move(question));
  conversation.Begin();
  context->run_for(options.time);
  if (conversation.ended()) return conversation.TakeReply();
  return Status::Unavailable("has not answered within " + std::to_string(options.time.count()) +
                             " ms");
}

Result<HttpReply> ConverseByTls(asio::io_context* context, const HttpClientOptions& options,
                                Question question) {
  error_code error;
  asio::ssl::context tls(asio::ssl::context::tls_client);
  tls.set_options(asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1);
  if (options.ca_file.empty()) {
    tls.set_default_verify_paths(error);
  } else {
    tls.load_verify_file(options.ca_file, error);
  }
  if (error) {
    return CannotBe("cannot use the certificate authorities " + options.ca_file + ": " +
                    error.message());
  }
  TlsStream stream(*context, tls);
  stream.set_verify_mode(asio::ssl::verify_peer);
  stream.set_verify_callback(asio::ssl::host_name_verification(options.host));
  asio::ip::make_address(options.host, error);
  if (error) SSL_set_tlsext_host_name(stream.native_handle(), options.host.c_str());
  return Converse(context, std::move(stream), options, std::move(question));
}

}  // namespace

HttpClient::HttpClient(HttpClientOptions options)
    : options_(std::move(options)), authorization_(Login(options_)) {}

Result<HttpReply> HttpClient::AskOnce(const std::string& path, const std::string& body) const {
  try {
    Question question(body.empty() ? http::verb::get : http::verb::post, path, 11);
    const bool six = options_.host.find(':') != std::string::npos;
    question.set(http::field::host, (six ? "[" + options_.host + "]" : options_.host) + ":" +
                                        std::to_string(options_.port));
    question.set(http::field::accept, options_.accept);
    question.set(http::field::connection, "close");
    if (!authorization_.empty()) question.set(http::field::authorization, authorization_);
    if (!body.empty()) {
      question.set(http::field::content_type, options_.body_type);
      question.body() = body;
      question.prepare_payload();
    }
    asio::io_context context(1);
    if (options_.tls) return ConverseByTls(&context, options_, std::move(question));
    return Converse(&context, beast::tcp_stream(context), options_, std::move(question));
  } catch (const std::exception& error) {
    return Status(ErrorCode::kInternal, std::string("cannot be asked: ") + error.what());
  }
}

Result<HttpReply> HttpClient::Ask(const std::string& path, const std::string& body) const {
  std::chrono::milliseconds pause = options_.pause;
  for (int attempt = 1;; ++attempt) {
    Result<HttpReply> reply = AskOnce(path, body);
    const bool again =
        reply.ok() ? reply->status == 429 || reply->status >= 500 : reply.status().retryable();
    if (!again || attempt >= options_.attempts) return reply;
    try {
      asio::io_context context(1);
      asio::steady_timer(context, pause).wait();
    } catch (const std::exception& error) {
      return Status(ErrorCode::kInternal, std::string("cannot wait: ") + error.what());
    }
    pause *= 2;
  }
}

}  // namespace leadflow
