// leadflow top: what running processes do, from their metrics.
#include <chrono>
#include <csignal>
#include <cstdio>
#include <optional>
#include <vector>

#include <unistd.h>

#include "app/commands/commands.h"
#include "app/pipeline_file.h"
#include "app/tokens_file.h"
#include "app/top_table.h"
#include "connectors/http/client.h"
#include "engine/base/clock.h"
#include "engine/base/http_url.h"

namespace leadflow::app {
namespace {

constexpr std::chrono::milliseconds kAnswerTime{3'000};
constexpr useconds_t kSecondUs = 1'000'000;
constexpr std::size_t kMetricsMax = std::size_t{16} << 20;
constexpr int kOk = 200, kUnauthorized = 401;

struct Watched {
  std::string name;  // "127.0.0.1:8080"
  HttpClient client;
  std::optional<Metrics> before = {}, now = {};
  std::int64_t before_ns = 0, now_ns = 0;
  std::string trouble = {};
};

// An address that listens everywhere is asked at this machine.
std::string AskedAt(const HttpSpec& http) {
  if (http.address == "0.0.0.0") return "127.0.0.1:" + std::to_string(http.port);
  if (http.address == "::") return "[::1]:" + std::to_string(http.port);
  const bool six = http.address.find(':') != std::string::npos;
  return (six ? "[" + http.address + "]" : http.address) + ":" + std::to_string(http.port);
}

// "http://127.0.0.1:8080", "https://[::1]:8080", "leadflow:8080"; a path does not count.
Result<HttpClientOptions> ParseUrl(const std::string& url) {
  const auto parsed = ParseHttpUrl(url.find("://") == std::string::npos ? "http://" + url : url);
  if (!parsed || parsed->port == 0) {
    return Status::InvalidArgument("`" + url +
                                   "`: " + (parsed ? "it names no port" : "no host and port") +
                                   "; as in http://127.0.0.1:8080");
  }
  HttpClientOptions options;
  options.tls = parsed->tls;
  options.host = parsed->host;
  options.port = parsed->port;
  options.time = kAnswerTime;
  options.body_bytes = kMetricsMax;
  options.attempts = 1;
  return options;
}

void Look(Watched* process) {
  process->before = std::move(process->now);
  process->before_ns = process->now_ns;
  process->now.reset();
  const Result<HttpReply> answer = process->client.Ask("/metrics", "");
  process->now_ns = Clock::System().MonotonicNanos();
  if (answer.ok() && answer->status == kOk) {
    process->now.emplace(answer->body);
  } else if (!answer.ok()) {
    process->trouble =
        process->name + " does not answer: " + std::string(answer.status().message());
  } else {
    process->trouble =
        process->name + " answers " + std::to_string(answer->status) +
        (answer->status == kUnauthorized ? ": it asks for a token; give --token-file" : "");
  }
}

std::string Table(const std::vector<Watched>& watched) {
  std::vector<TopProcess> processes;
  for (const Watched& one : watched) {
    processes.push_back({.name = one.name,
                         .before = one.before ? &*one.before : nullptr,
                         .now = one.now ? &*one.now : nullptr,
                         .seconds = static_cast<double>(one.now_ns - one.before_ns) / 1e9,
                         .trouble = one.trouble});
  }
  return TopTable(processes);
}

int Watch(std::vector<Watched> watched, bool once) {
  const bool terminal = !once && isatty(STDOUT_FILENO) != 0;
  for (int round = 0;; ++round) {
    bool any = false;
    for (Watched& one : watched) {
      Look(&one);
      any = any || one.now;
    }
    if (!any && (round == 0 || once)) {
      for (const Watched& one : watched) std::fprintf(stderr, "%s\n", one.trouble.c_str());
      std::fprintf(stderr, "is it running, with `http: {listen: ...}` in its file?\n");
      return kFailed;
    }
    // Rates need two looks.
    if (!once || round == 1) {
      std::printf("%s%s%s", terminal ? "\033[H\033[J" : "", Table(watched).c_str(),
                  once ? "" : "\n");
      std::fflush(stdout);
    }
    if (once && round == 1) return kDone;
    ::usleep(kSecondUs);
  }
}

}  // namespace

int Top(const TopOptions& options) {
  std::vector<std::string> urls = options.urls;
  std::string token_file = options.token_file;
  if (!options.file.empty()) {
    const LoadedPipeline loaded =
        LoadPipelineFile(options.file, {.use_environment = true, .set = {}});
    if (!loaded.pipeline) return BadConfig(loaded);
    const auto& http = loaded.pipeline->http;
    if (urls.empty() && (!http || http->port == 0)) {
      return Failed(Status::InvalidArgument(
          options.file +
          " names no address and port: write http: {listen: 127.0.0.1:8080}, or "
          "give --url"));
    }
    if (urls.empty()) urls.push_back(AskedAt(*http));
    if (token_file.empty() && http) token_file = http->tokens_file;
  }
  if (urls.empty()) {
    return Failed(Status::InvalidArgument(
        "which processes? Name the pipeline, or --url http://127.0.0.1:8080"));
  }
  const Result<Tokens> tokens = ReadTokens(token_file, "--token-file");
  if (!tokens.ok()) return Failed(tokens.status());
  std::vector<Watched> watched;
  for (const std::string& url : urls) {
    Result<HttpClientOptions> process = ParseUrl(url);
    if (!process.ok()) return Failed(process.status());
    process->token = tokens->first();
    watched.push_back({.name = process->host + ":" + std::to_string(process->port),
                       .client = HttpClient(*std::move(process))});
  }
  return Watch(std::move(watched), options.once);
}

}  // namespace leadflow::app
