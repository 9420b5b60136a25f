#include "connectors/http/server.h"

#include <list>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>

namespace leadflow {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;

constexpr std::chrono::milliseconds kAcceptAgain{100};  // After an error, as too many open files.
constexpr std::size_t kDrainBytes = std::size_t{64} << 10;

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

std::string_view BearerToken(std::string_view authorization) {
  constexpr std::string_view kScheme = "bearer ";
  if (authorization.size() <= kScheme.size() ||
      !beast::iequals({authorization.data(), kScheme.size()}, {kScheme.data(), kScheme.size()})) {
    return {};
  }
  return authorization.substr(kScheme.size());
}

std::string_view View(beast::string_view text) { return {text.data(), text.size()}; }

}  // namespace

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
    explicit Session(asio::ip::tcp::socket socket) : stream(std::move(socket)) {}
    beast::tcp_stream stream;
    beast::flat_buffer buffer;
    std::optional<http::request_parser<http::empty_body>> parser;
    http::response<http::string_body> answer;
    std::list<std::shared_ptr<Session>>::iterator at;
    std::size_t drained = 0;
    bool open = true;
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

  void Begin(asio::ip::tcp::socket socket) {
    if (sessions_.size() >= options_.connections_max) End(sessions_.front());
    auto session = std::make_shared<Session>(std::move(socket));
    session->at = sessions_.insert(sessions_.end(), session);
    session->parser.emplace();
    session->parser->header_limit(static_cast<std::uint32_t>(options_.header_bytes));
    session->parser->body_limit(0);
    session->stream.expires_after(options_.request_time);
    http::async_read(session->stream, session->buffer, *session->parser,
                     [this, session](const error_code& error, std::size_t) {
                       if (session->open) Answer(session, error);
                     });
  }

  void Answer(const SessionPtr& session, const error_code& error) {
    const bool bad = error.category() == http::make_error_code(http::error::bad_method).category();
    if (error == http::error::end_of_stream || (error && !bad)) return End(session);
    auto& answer = session->answer;
    answer.version(11);
    answer.keep_alive(false);
    if (error) {
      Fill(session, {.status = static_cast<int>(StatusOf(error)), .body = "bad request\n"});
    } else {
      Fill(session, Ask(session->parser->get()));
    }
    const bool head = !error && session->parser->get().method() == http::verb::head;
    answer.prepare_payload();
    if (head) answer.body().clear();
    http::async_write(
        session->stream, answer, [this, session](const error_code& failed, std::size_t) {
          if (!session->open) return;
          if (failed) return End(session);
          error_code ignored;
          session->stream.socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
          Drain(session);
        });
  }

  HttpAnswer Ask(const http::request<http::empty_body>& request) {
    if (request.method() != http::verb::get && request.method() != http::verb::head) {
      return {.status = 405, .body = "only GET and HEAD\n"};
    }
    const std::string_view target = View(request.target());
    return handler_({.path = target.substr(0, target.find('?')),
                     .token = BearerToken(View(request[http::field::authorization]))});
  }

  static void Fill(const SessionPtr& session, HttpAnswer answer) {
    session->answer.result(static_cast<unsigned>(answer.status));
    session->answer.set(http::field::content_type, answer.type);
    session->answer.set(http::field::cache_control, "no-store");
    if (answer.status == 401) session->answer.set(http::field::www_authenticate, "Bearer");
    if (answer.status == 405) session->answer.set(http::field::allow, "GET, HEAD");
    session->answer.body() = std::move(answer.body);
  }

  // Reads what the client still sends before it closes: else the kernel resets the connection and
  // the answer may be lost on its way.
  void Drain(const SessionPtr& session) {
    session->buffer.clear();
    session->stream.async_read_some(session->buffer.prepare(4096),
                                    [this, session](const error_code& error, std::size_t size) {
                                      if (!session->open) return;
                                      session->drained += size;
                                      if (error || session->drained > kDrainBytes)
                                        return End(session);
                                      Drain(session);
                                    });
  }

  void End(const SessionPtr& session) {
    const SessionPtr kept = session;
    if (!kept->open) return;
    kept->open = false;
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
