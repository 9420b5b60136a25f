#include "connectors/http/server.h"

#include <limits>
#include <list>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <sodium.h>

namespace leadflow {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;

constexpr std::chrono::milliseconds kAcceptAgain{100};  // After an error, as too many open files.
constexpr std::uint64_t kAnyBody = std::numeric_limits<std::uint64_t>::max();
constexpr std::size_t kDrainBytes = std::size_t{64} << 10;  // At a time.

Status ListenError(const HttpServerOptions& options, const error_code& error) {
  return Status::InvalidArgument("cannot listen on " + options.address + ", port " +
                                 std::to_string(options.port) + ": " + error.message());
}

// What a request that is no good gets.
http::status StatusOf(const error_code& error) {
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    return http::status::request_header_fields_too_large;
  }
  if (error == http::error::body_limit || error == http::error::unexpected_body) {
    return http::status::payload_too_large;
  }
  return http::status::bad_request;
}

bool SkipScheme(std::string_view scheme, std::string_view* authorization) {
  if (authorization->size() <= scheme.size() ||
      !beast::iequals({authorization->data(), scheme.size()}, {scheme.data(), scheme.size()})) {
    return false;
  }
  authorization->remove_prefix(scheme.size());
  return true;
}

// The token as it is, or as the password of any user: many senders know no other way.
std::string TokenOf(std::string_view authorization) {
  if (SkipScheme("bearer ", &authorization)) return std::string(authorization);
  if (!SkipScheme("basic ", &authorization)) return {};
  std::string pair(authorization.size(), '\0');
  std::size_t size = 0;
  if (sodium_base642bin(reinterpret_cast<unsigned char*>(pair.data()), pair.size(),
                        authorization.data(), authorization.size(), nullptr, &size, nullptr,
                        sodium_base64_VARIANT_ORIGINAL) != 0) {
    return {};
  }
  pair.resize(size);
  const std::size_t colon = pair.find(':');
  return colon == std::string::npos ? std::string() : pair.substr(colon + 1);
}

std::string_view View(beast::string_view text) { return {text.data(), text.size()}; }

}  // namespace

std::string_view HttpRequest::header(std::string_view name) const {
  for (const RecordHeader& one : headers) {
    if (beast::iequals({one.name.data(), one.name.size()}, {name.data(), name.size()})) {
      return one.value;
    }
  }
  return {};
}

// Everything but Start and the destructor runs on the one thread of the loop.
class HttpServer::Loop {
 public:
  Loop(HttpServerOptions options, Handler handler)
      : options_(std::move(options)),
        handler_(std::move(handler)),
        acceptor_(context_),
        again_(context_) {}

  ~Loop() {
    context_.stop();
    if (thread_.joinable()) thread_.join();
  }

  Status Open() {
    error_code error;
    const auto address = asio::ip::make_address(options_.address, error);
    if (error) return ListenError(options_, error);
    const asio::ip::tcp::endpoint at(address, options_.port);
    acceptor_.open(at.protocol(), error);
    if (!error) acceptor_.set_option(asio::socket_base::reuse_address(true), error);
    if (!error) acceptor_.bind(at, error);
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (!error) port_ = acceptor_.local_endpoint(error).port();
    if (error) return ListenError(options_, error);
    Accept();
    try {
      thread_ = std::thread([this] { context_.run(); });
    } catch (const std::system_error& no_thread) {
      return {ErrorCode::kInternal, std::string("cannot start a thread: ") + no_thread.what()};
    }
    return {};
  }

  std::uint16_t port() const { return port_; }

 private:
  struct Session {
    explicit Session(asio::ip::tcp::socket socket)
        : stream(std::move(socket)), late(stream.get_executor()) {}
    beast::tcp_stream stream;
    beast::flat_buffer buffer;
    std::optional<http::request_parser<http::string_body>> parser;
    http::response<http::string_body> answer;
    asio::steady_timer late;
    std::list<std::shared_ptr<Session>>::iterator at;
    bool open = true;
    bool asked = false;  // The handler has it.
  };
  using SessionPtr = std::shared_ptr<Session>;

  void Accept() {
    acceptor_.async_accept([this](const error_code& error, asio::ip::tcp::socket socket) {
      if (error == asio::error::operation_aborted) return;
      if (!error) Begin(std::move(socket));
      if (!error) return Accept();
      again_.expires_after(kAcceptAgain);
      again_.async_wait([this](const error_code& stopped) {
        if (!stopped) Accept();
      });
    });
  }

  // False: all wait for their answers.
  bool MakeRoom() {
    if (sessions_.size() < options_.connections_max) return true;
    for (const SessionPtr& session : sessions_) {
      if (session->asked) continue;
      End(session);
      return true;
    }
    return false;
  }

  void Begin(asio::ip::tcp::socket socket) {
    if (!MakeRoom()) return;
    auto session = std::make_shared<Session>(std::move(socket));
    session->at = sessions_.insert(sessions_.end(), session);
    session->parser.emplace();
    session->parser->header_limit(static_cast<std::uint32_t>(options_.header_bytes));
    session->parser->body_limit(kAnyBody);  // Which it is, the header tells.
    session->stream.expires_after(options_.request_time);
    http::async_read_header(session->stream, session->buffer, *session->parser,
                            [this, session](const error_code& error, std::size_t) {
                              if (session->open) TakeHeader(session, error);
                            });
  }

  void TakeHeader(const SessionPtr& session, const error_code& error) {
    if (error) return Refuse(session, error);
    auto& parser = *session->parser;
    const auto method = parser.get().method();
    if (method == http::verb::post) {
      const std::string_view path = PathOf(parser.get());
      if (!options_.takes_body || !options_.takes_body(path)) return Ask(session);
      const auto length = parser.content_length();
      if (length && *length > options_.body_bytes) {
        return Refuse(session, http::error::body_limit);
      }
      parser.body_limit(options_.body_bytes);
      if (!beast::iequals(parser.get()[http::field::expect], "100-continue")) {
        return ReadBody(session);
      }
      static constexpr std::string_view kGoOn = "HTTP/1.1 100 Continue\r\n\r\n";
      return asio::async_write(session->stream, asio::buffer(kGoOn.data(), kGoOn.size()),
                               [this, session](const error_code& failed, std::size_t) {
                                 if (!session->open) return;
                                 failed ? End(session) : ReadBody(session);
                               });
    }
    if (method != http::verb::get && method != http::verb::head) {
      return Send(session, {.status = 405, .body = "only GET and HEAD\n"});
    }
    if (!parser.is_done()) return Refuse(session, http::error::body_limit);
    Ask(session);
  }

  void ReadBody(const SessionPtr& session) {
    http::async_read(session->stream, session->buffer, *session->parser,
                     [this, session](const error_code& error, std::size_t) {
                       if (!session->open) return;
                       error ? Refuse(session, error) : Ask(session);
                     });
  }

  void Refuse(const SessionPtr& session, const error_code& error) {
    const bool bad = error.category() == http::make_error_code(http::error::bad_method).category();
    if (error == http::error::end_of_stream || !bad) return End(session);
    Send(session, {.status = static_cast<int>(StatusOf(error)), .body = "bad request\n"});
  }

  void Ask(const SessionPtr& session) {
    const auto& request = session->parser->get();
    const std::string token = TokenOf(View(request[http::field::authorization]));
    HttpRequest asked{.path = PathOf(request), .token = token};
    if (request.method() == http::verb::post) {
      asked.post = true;
      asked.body = request.body();
      for (const auto& field : request) {
        asked.headers.push_back({View(field.name_string()), View(field.value())});
      }
    }
    session->asked = true;
    session->stream.expires_never();
    session->late.expires_after(options_.answer_time);
    session->late.async_wait([this, session](const error_code& stopped) {
      if (!stopped) SendOnce(session, {.status = 503, .body = "not in time\n", .retry_after_s = 1});
    });
    handler_(asked, [this, weak = std::weak_ptr(session)](HttpAnswer answer) {
      asio::post(context_, [this, weak, answer = std::move(answer)]() mutable {
        if (const SessionPtr it = weak.lock()) SendOnce(it, std::move(answer));
      });
    });
  }

  // Of the answer and the end of its time, what comes first.
  void SendOnce(const SessionPtr& session, HttpAnswer answer) {
    if (!session->open || !session->asked) return;
    session->asked = false;
    session->late.cancel();
    session->stream.expires_after(options_.request_time);
    Send(session, std::move(answer));
  }

  void Send(const SessionPtr& session, HttpAnswer answer) {
    auto& sent = session->answer;
    sent.version(11);
    sent.keep_alive(false);
    Fill(&sent, std::move(answer));
    sent.prepare_payload();
    if (session->parser->get().method() == http::verb::head) sent.body().clear();
    http::async_write(
        session->stream, sent, [this, session](const error_code& failed, std::size_t) {
          if (!session->open) return;
          if (failed) return End(session);
          error_code ignored;
          session->stream.socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
          Drain(session);
        });
  }

  static std::string_view PathOf(const http::request<http::string_body>& request) {
    const std::string_view target = View(request.target());
    return target.substr(0, target.find('?'));
  }

  static void Fill(http::response<http::string_body>* to, HttpAnswer answer) {
    to->result(static_cast<unsigned>(answer.status));
    to->set(http::field::content_type, answer.type);
    to->set(http::field::cache_control, "no-store");
    if (answer.status == 401) to->set(http::field::www_authenticate, "Bearer");
    if (answer.status == 405) to->set(http::field::allow, answer.allow);
    if (answer.retry_after_s > 0) {
      to->set(http::field::retry_after, std::to_string(answer.retry_after_s));
    }
    to->body() = std::move(answer.body);
  }

  // Reads what the client still sends, for as long as a request may take, before it closes: else
  // the kernel resets the connection, and a client that sends before it reads sees no answer.
  void Drain(const SessionPtr& session) {
    session->buffer.clear();
    session->stream.async_read_some(session->buffer.prepare(kDrainBytes),
                                    [this, session](const error_code& error, std::size_t) {
                                      if (!session->open) return;
                                      error ? End(session) : Drain(session);
                                    });
  }

  void End(const SessionPtr& session) {
    const SessionPtr kept = session;
    if (!kept->open) return;
    kept->open = false;
    kept->late.cancel();
    sessions_.erase(kept->at);
    kept->stream.close();
  }

  const HttpServerOptions options_;
  const Handler handler_;
  asio::io_context context_{1};
  asio::ip::tcp::acceptor acceptor_;
  asio::steady_timer again_;
  std::list<SessionPtr> sessions_;  // The oldest first.
  std::uint16_t port_ = 0;
  std::thread thread_;
};

HttpServer::HttpServer(std::unique_ptr<Loop> loop) : loop_(std::move(loop)) {}
HttpServer::~HttpServer() = default;

Result<std::unique_ptr<HttpServer>> HttpServer::Start(const HttpServerOptions& options,
                                                      Handler handler) {
  auto loop = std::make_unique<Loop>(options, std::move(handler));
  LEADFLOW_RETURN_IF_ERROR(loop->Open());
  return std::make_unique<HttpServer>(std::move(loop));
}

std::uint16_t HttpServer::port() const { return loop_->port(); }

}  // namespace leadflow
