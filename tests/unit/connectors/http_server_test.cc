// The HTTP server as clients meet it, good ones and bad ones.
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <vector>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "connectors/http/server.h"
#include "connectors/http/signature.h"
#include "connectors/http/tokens.h"

namespace leadflow {
namespace {

// A connection of a client. It waits for an answer for a minute at most.
class Client {
 public:
  explicit Client(std::uint16_t port, int family = AF_INET) : fd_(socket(family, SOCK_STREAM, 0)) {
    const timeval minute{60, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &minute, sizeof minute);
    sockaddr_in four{};
    four.sin_family = AF_INET;
    four.sin_port = htons(port);
    four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sockaddr_in6 six{};
    six.sin6_family = AF_INET6;
    six.sin6_port = htons(port);
    six.sin6_addr = in6addr_loopback;
    connected_ = family == AF_INET
                     ? connect(fd_, reinterpret_cast<const sockaddr*>(&four), sizeof four) == 0
                     : connect(fd_, reinterpret_cast<const sockaddr*>(&six), sizeof six) == 0;
  }
  ~Client() { close(fd_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  bool connected() const { return connected_; }
  // False: the server has closed before it had all.
  bool Send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t size = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (size < 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(size));
    }
    return true;
  }
  // Everything until the server closes.
  std::string Receive() const {
    std::string all;
    char bytes[4096];
    ssize_t size = 0;
    while ((size = recv(fd_, bytes, sizeof bytes, 0)) > 0) {
      all.append(bytes, static_cast<std::size_t>(size));
    }
    EXPECT_FALSE(size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) << "it does not close";
    return all;
  }

 private:
  const int fd_;
  bool connected_ = false;
};

HttpAnswer Answer(const HttpRequest& request) {
  if (request.post && request.path == "/hook") {
    return {.body = std::string(request.header("X-SIGN")) + ":" + std::string(request.body)};
  }
  if (request.post) return {.status = 405, .body = "only GET\n"};
  if (request.path == "/long") return {.body = std::string(1 << 20, 'x')};
  if (request.path != "/") return {.status = 404, .body = "no " + std::string(request.path)};
  return {.body = "token=" + std::string(request.token)};
}

std::unique_ptr<HttpServer> StartServer(HttpServerOptions options = {}) {
  auto server = HttpServer::Start(
      options,
      [](const HttpRequest& request, const HttpServer::Reply& reply) { reply(Answer(request)); });
  EXPECT_TRUE(server.ok()) << server.status();
  return *std::move(server);
}

std::string Ask(std::uint16_t port, std::string_view request) {
  const Client client(port);
  client.Send(request);
  return client.Receive();
}

TEST(HttpServerTest, AnswersEachRequestByItsPath) {
  const auto server = StartServer();
  const struct {
    std::string request, line, body;
  } cases[] = {
      {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 OK\r\n", "\r\n\r\ntoken="},
      {"GET /?x=1 HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 OK\r\n", "\r\n\r\ntoken="},
      {"GET / HTTP/1.0\r\n\r\n", "HTTP/1.1 200 OK\r\n", "\r\n\r\ntoken="},
      {"GET /x HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 404 Not Found\r\n", "no /x"},
      {"GET / HTTP/1.1\r\nAuthorization: bearer abc\r\n\r\n", "HTTP/1.1 200 OK\r\n", "token=abc"},
      {"GET / HTTP/1.1\r\nAuthorization: Basic abc\r\n\r\n", "HTTP/1.1 200 OK\r\n",
       "\r\n\r\ntoken="},
      {"GET / HTTP/1.1\r\nAuthorization: Basic YW55Ym9keTphYmM6ZA==\r\n\r\n", "HTTP/1.1 200 OK\r\n",
       "token=abc:d"},
      {"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 OK\r\n", "\r\nContent-Length: 6\r\n"},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 405 ", "GET"},
      {"DELETE /x HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 405 ", "GET"},
  };
  for (const auto& [request, line, body] : cases) {
    const std::string answer = Ask(server->port(), request);
    EXPECT_TRUE(answer.starts_with(line)) << request << answer;
    EXPECT_NE(answer.find(body), std::string::npos) << request << answer;
  }
  EXPECT_EQ(Ask(server->port(), "HEAD / HTTP/1.1\r\n\r\n").find("token="), std::string::npos);
}

TEST(HttpServerTest, RefusesWhatIsNoRequestOrTooLarge) {
  const auto server = StartServer();
  const std::string long_header = "GET / HTTP/1.1\r\nX: " + std::string(10'000, 'x') + "\r\n\r\n";
  const struct {
    std::string request, line;
  } cases[] = {
      {"hello\r\n\r\n", "HTTP/1.1 400 "},
      {"GET / HTTP/9.9\r\n\r\n", "HTTP/1.1 400 "},
      {"GET / HTTP/1.1\r\nbad header\r\n\r\n", "HTTP/1.1 400 "},
      {"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n", "HTTP/1.1 400 "},
      {std::string("GET /\0 HTTP/1.1\r\n\r\n", 19), "HTTP/1.1 400 "},
      {long_header, "HTTP/1.1 431 "},
      {"GET /" + std::string(10'000, 'x') + " HTTP/1.1\r\n\r\n", "HTTP/1.1 431 "},
      {"POST / HTTP/1.1\r\nContent-Length: 100000\r\n\r\nabc", "HTTP/1.1 405 "},
      {"GET / HTTP/1.1\r\nContent-Length: 100000\r\n\r\nabc", "HTTP/1.1 413 "},
      {"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n",
       "HTTP/1.1 413 "},
  };
  for (const auto& [request, line] : cases) {
    const std::string answer = Ask(server->port(), request);
    EXPECT_TRUE(answer.starts_with(line)) << request.substr(0, 60) << "\n" << answer;
  }
  EXPECT_TRUE(Ask(server->port(), "GET / HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 200"));
}

// Many clients read nothing before they have sent everything.
TEST(HttpServerTest, AClientMayFinishABodyThatIsTooLarge) {
  const auto server = StartServer({.takes_body = [](std::string_view) { return true; }});
  const std::string body(std::size_t{16} << 20, 'x');
  const Client client(server->port());
  EXPECT_TRUE(client.Send("POST /hook HTTP/1.1\r\nContent-Length: " + std::to_string(body.size()) +
                          "\r\n\r\n" + body));
  EXPECT_TRUE(client.Receive().starts_with("HTTP/1.1 413 "));
}

TEST(HttpServerTest, TakesBodiesWhereTheyBelong) {
  const auto server = StartServer(
      {.takes_body = [](std::string_view path) { return path == "/hook"; }, .body_bytes = 10});
  const struct {
    std::string request, line, body;
  } cases[] = {
      {"POST /hook HTTP/1.1\r\nx-sign: s\r\nContent-Length: 10\r\n\r\n0123456789", "HTTP/1.1 200 ",
       "\r\n\r\ns:0123456789"},
      {"POST /hook?a=b HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n",
       "HTTP/1.1 200 ", "\r\n\r\n:abcde"},
      {"POST /hook HTTP/1.1\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 200 ", "\r\n\r\n:"},
      {"POST /hook HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
       "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 ", "\r\n\r\n:abc"},
      {"POST /hook HTTP/1.1\r\nContent-Length: 11\r\n\r\n01234567890", "HTTP/1.1 413 ", ""},
      {"POST /hook HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n01234567890\r\n0\r\n\r\n",
       "HTTP/1.1 413 ", ""},
      {"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", "HTTP/1.1 405 ", ""},
      {"PUT /hook HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", "HTTP/1.1 405 ", ""},
  };
  for (const auto& [request, line, body] : cases) {
    const std::string answer = Ask(server->port(), request);
    EXPECT_TRUE(answer.starts_with(line)) << request << answer;
    EXPECT_TRUE(answer.ends_with(body)) << request << answer;
  }
}

TEST(HttpServerTest, AnAnswerMayComeLaterButNotTooLate) {
  std::vector<HttpServer::Reply> replies;
  std::mutex mutex;
  std::condition_variable changed;
  auto server =
      HttpServer::Start({.connections_max = 2, .answer_time = std::chrono::milliseconds(2000)},
                        [&](const HttpRequest&, const HttpServer::Reply& reply) {
                          const std::lock_guard lock(mutex);
                          replies.push_back(reply);
                          changed.notify_all();
                        });
  ASSERT_TRUE(server.ok()) << server.status();
  const auto asked = [&](std::size_t count) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return replies.size() == count; });
  };
  const Client first((*server)->port());
  first.Send("GET / HTTP/1.1\r\n\r\n");
  asked(1);
  const Client second((*server)->port());
  second.Send("GET / HTTP/1.1\r\n\r\n");
  asked(2);
  // Who waits for an answer gives way to nobody.
  EXPECT_EQ(Client((*server)->port()).Receive(), "");
  replies[0]({.body = "later"});
  EXPECT_TRUE(first.Receive().ends_with("\r\n\r\nlater"));
  const std::string late = second.Receive();
  EXPECT_TRUE(late.starts_with("HTTP/1.1 503 ")) << late;
  EXPECT_NE(late.find("Retry-After: 1\r\n"), std::string::npos) << late;
  replies[1]({.body = "too late"});
}

TEST(SignatureTest, KnowsItsKeyItsBodyAndItsEncoding) {
  // RFC 4231, test case 2.
  const std::string body = "what do ya want for nothing?";
  const std::string hex = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
  const std::string base64 = "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=";
  const Signature in_hex("Jefe", Signature::Encoding::kHex);
  const Signature in_base64("Jefe", Signature::Encoding::kBase64);
  EXPECT_TRUE(in_hex.Signs(body, hex));
  EXPECT_TRUE(in_hex.Signs(body, "sha256=" + hex));
  EXPECT_TRUE(in_base64.Signs(body, base64));
  EXPECT_FALSE(in_hex.Signs(body + " ", hex));
  EXPECT_FALSE(in_hex.Signs(body, base64));
  EXPECT_FALSE(in_base64.Signs(body, hex));
  EXPECT_FALSE(Signature("jefe", Signature::Encoding::kHex).Signs(body, hex));
  for (const std::string& bad :
       {std::string(), hex + "00", hex.substr(2), std::string("sha256="), "x" + hex.substr(1),
        std::string(64, '0'), std::string(99999, 'a')}) {
    EXPECT_FALSE(in_hex.Signs(body, bad)) << bad.substr(0, 80);
    EXPECT_FALSE(in_base64.Signs(body, bad)) << bad.substr(0, 80);
  }
}

TEST(HttpServerTest, AClientThatSaysNothingIsLetGoAfterItsTime) {
  const auto server = StartServer({.request_time = std::chrono::milliseconds(50)});
  const Client silent(server->port());
  const Client slow(server->port());
  slow.Send("GET / HT");
  EXPECT_EQ(silent.Receive(), "");
  EXPECT_EQ(slow.Receive(), "");
}

TEST(HttpServerTest, AClientThatReadsNothingDoesNotStopTheOthers) {
  const auto server = StartServer();
  std::vector<std::unique_ptr<Client>> deaf;
  for (int i = 0; i < 20; ++i) {
    deaf.push_back(std::make_unique<Client>(server->port()));
    deaf.back()->Send("GET /long HTTP/1.1\r\n\r\n");
  }
  EXPECT_TRUE(Ask(server->port(), "GET / HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 200"));
}

TEST(HttpServerTest, WhenAllConnectionsAreTakenTheOldestGivesWay) {
  const auto server = StartServer({.connections_max = 4});
  std::vector<std::unique_ptr<Client>> silent;
  for (int i = 0; i < 10; ++i) silent.push_back(std::make_unique<Client>(server->port()));
  EXPECT_TRUE(Ask(server->port(), "GET / HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 200"));
  for (int i = 0; i < 7; ++i) EXPECT_EQ(silent[static_cast<std::size_t>(i)]->Receive(), "");
  silent[9]->Send("GET / HTTP/1.1\r\n\r\n");
  EXPECT_TRUE(silent[9]->Receive().starts_with("HTTP/1.1 200"));
}

// Asks the machine, not the server.
bool HasIpv6() {
  const int probe = socket(AF_INET6, SOCK_STREAM, 0);
  sockaddr_in6 any_port{};
  any_port.sin6_family = AF_INET6;
  any_port.sin6_addr = in6addr_loopback;
  const bool bound =
      bind(probe, reinterpret_cast<const sockaddr*>(&any_port), sizeof any_port) == 0;
  close(probe);
  return bound;
}

TEST(HttpServerTest, ListensOnIpv6) {
  if (!HasIpv6()) GTEST_SKIP() << "this machine has no address ::1";
  const auto server = StartServer({.address = "::1"});
  const Client client(server->port(), AF_INET6);
  ASSERT_TRUE(client.connected());
  client.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(client.Receive().starts_with("HTTP/1.1 200"));
}

TEST(HttpServerTest, ListensOnAPortOnlyOnce) {
  const auto server = StartServer();
  const auto second = HttpServer::Start({.port = server->port()}, {});
  EXPECT_EQ(second.status().code(), ErrorCode::kInvalidArgument);
  EXPECT_NE(second.status().message().find("127.0.0.1, port"), std::string_view::npos)
      << second.status();
  EXPECT_FALSE(HttpServer::Start({.address = "nowhere"}, {}).ok());
}

TEST(HttpServerTest, EndsWithConnectionsThatAreOpen) {
  auto server = StartServer();
  const Client silent(server->port());
  EXPECT_TRUE(Ask(server->port(), "GET / HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 200"));
  server.reset();
  EXPECT_EQ(silent.Receive(), "");
}

TEST(TokensTest, OnlyThoseOfTheFileAreKnown) {
  const auto tokens = Tokens::Parse("# for Prometheus\n0123456789abcdef\r\n\nfedcba9876543210");
  ASSERT_TRUE(tokens.ok()) << tokens.status();
  EXPECT_TRUE(tokens->Has("0123456789abcdef"));
  EXPECT_TRUE(tokens->Has("fedcba9876543210"));
  for (const std::string_view other :
       {"", "0123456789abcde", "0123456789abcdeg", "# for Prometheus"}) {
    EXPECT_FALSE(tokens->Has(other)) << other;
  }
}

TEST(TokensTest, ErrorsNameTheLineAndNotTheToken) {
  const struct {
    std::string text, message;
  } cases[] = {
      {"", "no token"},
      {"# nothing\n", "no token"},
      {"0123456789abcdef\nsecret\n", "line 2: a token has 16 to 512"},
      {"secret with spaces in it\n", "line 1: a token is printable"},
      {std::string(600, 'x'), "line 1: a token has"},
  };
  for (const auto& [text, message] : cases) {
    const Status status = Tokens::Parse(text).status();
    EXPECT_EQ(status.code(), ErrorCode::kInvalidArgument);
    EXPECT_NE(status.message().find(message), std::string_view::npos) << status;
    EXPECT_EQ(status.message().find("secret"), std::string_view::npos) << status;
  }
}

}  // namespace
}  // namespace leadflow
