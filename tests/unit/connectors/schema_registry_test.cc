// The client of schema registries before servers that answer well, badly, slowly or not at all. (A
// real registry: tests/kafka/registry.py.)
#include "connectors/registry/schema_registry.h"

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace leadflow {
namespace {

using testing::HasSubstr;
using testing::Not;

// Gives each connection the next of its answers, the last one again and again. An empty one keeps
// the client waiting.
class Double {
 public:
  explicit Double(std::vector<std::string> answers)
      : answers_(std::move(answers)), fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    EXPECT_EQ(bind(fd_, reinterpret_cast<const sockaddr*>(&at), size), 0);
    EXPECT_EQ(listen(fd_, 16), 0);
    EXPECT_EQ(getsockname(fd_, reinterpret_cast<sockaddr*>(&at), &size), 0);
    port_ = ntohs(at.sin_port);
    thread_ = std::thread([this] { Serve(); });
  }
  ~Double() {
    Stop();
    close(fd_);
  }
  Double(const Double&) = delete;
  Double& operator=(const Double&) = delete;

  void Stop() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }
  std::uint16_t port() const { return port_; }
  // REQUIRES: Stop
  const std::vector<std::string>& requests() const { return requests_; }

 private:
  bool Readable(int fd) const {
    pollfd wanted{fd, POLLIN, 0};
    while (!stop_) {
      if (poll(&wanted, 1, 20) > 0) return true;
    }
    return false;
  }

  void Serve() {
    while (Readable(fd_)) {
      const int client = accept(fd_, nullptr, nullptr);
      const std::string& answer = answers_[std::min(requests_.size(), answers_.size() - 1)];
      requests_.push_back(ReadRequest(client));
      if (answer.empty()) {
        Readable(client);  // Until it hangs up.
      } else {
        send(client, answer.data(), answer.size(), MSG_NOSIGNAL);
      }
      close(client);
    }
  }

  std::string ReadRequest(int client) const {
    std::string request;
    char bytes[4096];
    while (Readable(client)) {
      const ssize_t size = recv(client, bytes, sizeof bytes, 0);
      if (size <= 0) break;
      request.append(bytes, static_cast<std::size_t>(size));
      if (request.front() == 0x16) break;  // The greeting of TLS.
      if (request.find("\r\n\r\n") == std::string::npos) continue;
      if (request.starts_with("GET") || request.ends_with("}")) break;
    }
    return request;
  }

  const std::vector<std::string> answers_;
  const int fd_;
  std::uint16_t port_ = 0;
  std::atomic<bool> stop_{false};
  std::vector<std::string> requests_;
  std::thread thread_;
};

std::string Answer(const std::string& status, const std::string& body) {
  return "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         body;
}

// 2 MiB in chunks of 256 bytes.
std::string Chunks() {
  std::string all;
  for (int i = 0; i < 8192; ++i) all.append("100\r\n" + std::string(256, ' ') + "\r\n");
  return all + "0\r\n\r\n";
}

SchemaRegistry RegistryAt(std::uint16_t port, HttpClientOptions options = {}) {
  options.host = "127.0.0.1";
  options.port = port;
  options.pause = std::chrono::milliseconds(1);
  return {"http://127.0.0.1", "/base", options};
}

TEST(SchemaRegistryTest, AsksAsTheInterfaceSays) {
  Double server({Answer("404 Not Found", R"({"error_code":40403,"message":"no"})"),
                 Answer("200 OK", R"([1,2])"), Answer("200 OK", R"({"id":16909060})"),
                 Answer("200 OK", R"({"is_compatible":true})"),
                 Answer("200 OK", R"({"subject":"a-key","id":3})")});
  HttpClientOptions options;
  options.username = "ann";
  options.password = "s:cret";
  const SchemaRegistry registry = RegistryAt(server.port(), options);
  const auto found = registry.Find("a-key", "message \"A\"");
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(*found, std::nullopt);
  EXPECT_TRUE(*registry.Has("a-key"));
  EXPECT_EQ(*registry.Register("a-key", "x"), 16909060u);
  EXPECT_TRUE(registry.Check("a-key", "x").ok());
  EXPECT_EQ(*registry.Find("a-key", "x"), 3u);
  server.Stop();
  const auto& requests = server.requests();
  ASSERT_EQ(requests.size(), 5u);
  EXPECT_THAT(requests[0], HasSubstr("POST /base/subjects/a-key HTTP/1.1\r\n"));
  EXPECT_THAT(requests[0], HasSubstr("Authorization: Basic YW5uOnM6Y3JldA==\r\n"));
  EXPECT_THAT(requests[0], HasSubstr(R"({"schemaType":"PROTOBUF","schema":"message \"A\""})"));
  EXPECT_THAT(requests[1], HasSubstr("GET /base/subjects/a-key/versions HTTP/1.1\r\n"));
  EXPECT_THAT(requests[2], HasSubstr("POST /base/subjects/a-key/versions HTTP/1.1\r\n"));
  EXPECT_THAT(requests[3], HasSubstr("POST /base/compatibility/subjects/a-key/versions/latest?"));
}

struct Bad {
  const char* name;
  std::vector<std::string> answers;
  ErrorCode code;
  const char* message;
  std::size_t asked;
};

TEST(SchemaRegistryTest, SaysWhyThereIsNoAnswer) {
  const std::string secret = "hunter2hunter2";
  const Bad cases[] = {
      {"login",
       {Answer("401 Unauthorized", "")},
       ErrorCode::kFailedPrecondition,
       "answers 401: it wants a login; give `username` and `password` of `kafka.registry`",
       1},
      {"rights",
       {Answer("403 Forbidden", "")},
       ErrorCode::kFailedPrecondition,
       "answers 403: its user may not do that",
       1},
      {"another path",
       {Answer("404 Not Found", "<html>")},
       ErrorCode::kFailedPrecondition,
       "answers 404 for /base/subjects/s/versions: its API is not there; Apicurio has it at",
       1},
      {"moved",
       {"HTTP/1.1 301 x\r\nLocation: http://b/\r\nContent-Length: 0\r\n\r\n"},
       ErrorCode::kFailedPrecondition,
       "it is at http://b/; write that into",
       1},
      {"conflict",
       {Answer("409 Conflict", R"({"error_code":409,"message":"field\u0007 1"})")},
       ErrorCode::kInvalidArgument,
       "refuses the schema for the subject `s`: field  1",
       1},
      {"no schema",
       {Answer("422 Unprocessable", R"({"error_code":42201,"message":"bad"})")},
       ErrorCode::kInvalidArgument,
       "refuses the schema for the subject `s`: bad",
       1},
      {"long reason",
       {Answer("409 Conflict", std::string(100'000, 'x'))},
       ErrorCode::kInvalidArgument,
       "xxx...",
       1},
      {"down", {Answer("503 Busy", "later")}, ErrorCode::kUnavailable, "answers 503: later", 3},
      {"no HTTP", {"SSH-2.0-x\r\n\r\n"}, ErrorCode::kFailedPrecondition, "what is no HTTP", 1},
      {"no JSON",
       {Answer("200 OK", "<html>")},
       ErrorCode::kFailedPrecondition,
       "makes no sense: <html>; is `kafka.registry.url` a schema registry?",
       1},
      {"no id", {Answer("200 OK", R"({"id":"1"})")}, ErrorCode::kFailedPrecondition, "no sense", 1},
      {"id of 0", {Answer("200 OK", R"({"id":0})")}, ErrorCode::kFailedPrecondition, "no sense", 1},
      {"large id",
       {Answer("200 OK", R"({"id":2147483648})")},
       ErrorCode::kFailedPrecondition,
       "no sense",
       1},
      {"a list", {Answer("200 OK", "[]")}, ErrorCode::kFailedPrecondition, "no sense", 1},
      {"nothing", {Answer("200 OK", "")}, ErrorCode::kFailedPrecondition, "no sense", 1},
      {"deep",
       {Answer("200 OK", std::string(500'000, '['))},
       ErrorCode::kFailedPrecondition,
       "no sense",
       1},
      {"huge",
       {Answer("200 OK", std::string(2 << 20, ' '))},
       ErrorCode::kFailedPrecondition,
       "answers with more than 1048576 bytes",
       1},
      {"huge, in parts",
       {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + Chunks()},
       ErrorCode::kFailedPrecondition,
       "answers with more than 1048576 bytes",
       1},
      {"huge, without its size",
       {"HTTP/1.1 200 OK\r\n\r\n" + std::string(2 << 20, ' ')},
       ErrorCode::kFailedPrecondition,
       "answers with more than 1048576 bytes",
       1},
      {"endless",
       {"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"},
       ErrorCode::kFailedPrecondition,
       "answers with more than 1048576 bytes",
       1},
      {"headers",
       {"HTTP/1.1 200 OK\r\nX: " + std::string(64 << 10, 'x') + "\r\n\r\n"},
       ErrorCode::kFailedPrecondition,
       "what is no HTTP",
       1},
      {"torn",
       {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"},
       ErrorCode::kUnavailable,
       "ends the connection before its answer",
       3},
      {"slow", {""}, ErrorCode::kUnavailable, "has not answered within 100 ms", 2},
  };
  for (const Bad& bad : cases) {
    SCOPED_TRACE(bad.name);
    Double server(bad.answers);
    HttpClientOptions options;
    options.username = "ann";
    options.password = secret;
    if (bad.answers[0].empty()) {
      options.time = std::chrono::milliseconds(100);
      options.attempts = 2;
    }
    const auto id = RegistryAt(server.port(), options).Register("s", "x");
    ASSERT_FALSE(id.ok());
    EXPECT_EQ(id.status().code(), bad.code) << id.status();
    EXPECT_THAT(std::string(id.status().message()), HasSubstr(bad.message));
    EXPECT_THAT(std::string(id.status().message()), HasSubstr("schema registry http://127.0.0.1"));
    EXPECT_THAT(std::string(id.status().message()), Not(HasSubstr(secret)));
    EXPECT_LT(id.status().message().size(), 800u);
    server.Stop();
    EXPECT_EQ(server.requests().size(), bad.asked);
  }
}

TEST(SchemaRegistryTest, WhatPassesByItselfIsAskedAgain) {
  Double server({Answer("500 Oops", ""), "HTTP/1.1 200", Answer("200 OK", R"({"id":1})")});
  const auto id = RegistryAt(server.port()).Register("s", "x");
  ASSERT_TRUE(id.ok()) << id.status();
  EXPECT_EQ(*id, 1u);
}

TEST(SchemaRegistryTest, NobodyThere) {
  std::uint16_t port = 0;
  {
    const Double gone({""});
    port = gone.port();
  }
  const auto id = RegistryAt(port).Register("s", "x");
  EXPECT_EQ(id.status().code(), ErrorCode::kUnavailable);
  EXPECT_THAT(std::string(id.status().message()),
              HasSubstr("cannot connect: Connection refused; is it running"));
}

TEST(SchemaRegistryTest, AServerWithoutEncryptionIsNoneWithIt) {
  Double server({"HTTP/1.1 400 Bad Request\r\n\r\n"});
  HttpClientOptions options;
  options.tls = true;
  const auto id = RegistryAt(server.port(), options).Register("s", "x");
  EXPECT_EQ(id.status().code(), ErrorCode::kFailedPrecondition) << id.status();
  EXPECT_THAT(std::string(id.status().message()), HasSubstr("no encrypted connection"));
  options.ca_file = "no/such/file.pem";
  EXPECT_THAT(std::string(RegistryAt(server.port(), options).Has("s").status().message()),
              HasSubstr("cannot use the certificate authorities no/such/file.pem"));
}

TEST(SchemaRegistryTest, ASchemaThatDoesNotFitIsRefusedWithTheReasons) {
  const struct {
    const char* body;
    const char* message;
  } cases[] = {
      {R"({"is_compatible":false,"messages":["field 1 changed","field 2 is gone"]})",
       "refuses the schema for the subject `s`: field 1 changed; field 2 is gone"},
      {R"({"is_compatible":false})", "`s`: it is not compatible with the one there"},
      {R"({})", "makes no sense"},
  };
  for (const auto& one : cases) {
    Double server({Answer("200 OK", one.body)});
    const Status status = RegistryAt(server.port()).Check("s", "x");
    EXPECT_THAT(std::string(status.message()), HasSubstr(one.message));
  }
}

}  // namespace
}  // namespace leadflow
