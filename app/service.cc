#include "app/service.h"

#include "app/pipeline_file.h"
#include "app/process_metrics.h"

namespace leadflow::app {
namespace {

constexpr std::string_view kPaths = "/livez /readyz /startupz /metrics\n";
constexpr const char* kMetricsType = "text/plain; version=0.0.4; charset=utf-8";

Result<Tokens> ReadTokens(const std::string& path) {
  if (path.empty()) return Tokens();
  const auto text = ReadWholeFile(path);
  if (!text) return Status::NotFound("`http.tokens`: cannot read the file " + path);
  auto tokens = Tokens::Parse(*text);
  if (!tokens.ok()) return tokens.status().WithContext("`http.tokens`: " + path);
  return tokens;
}

}  // namespace

Result<std::unique_ptr<Service>> Service::Start(const Pipeline& pipeline) {
  if (!pipeline.http) return std::make_unique<Service>(Tokens());
  const HttpSpec& http = *pipeline.http;
  LEADFLOW_ASSIGN_OR_RETURN(Tokens tokens, ReadTokens(http.tokens_file));
  auto service = std::make_unique<Service>(std::move(tokens));
  auto server = HttpServer::Start(
      {.address = http.address, .port = http.port},
      [it = service.get()](const HttpRequest& request) { return it->Answer(request); });
  if (!server.ok()) return server.status().WithContext("`http.listen`");
  service->server_ = *std::move(server);
  const bool six = http.address.find(':') != std::string::npos;
  service->address_ = (six ? "[" + http.address + "]" : http.address) + ":" +
                      std::to_string(service->server_->port());
  return service;
}

void Service::SetState(State state) {
  state_.store(state);
  if (state == State::kServing) started_.store(true);
}

void Service::Show(Expose expose) {
  const std::lock_guard lock(mutex_);
  expose_ = std::move(expose);
}

HttpAnswer Service::Ready() const {
  const State state = state_.load();
  if (state == State::kServing) return {.body = "ready\n"};
  return {.status = 503, .body = state == State::kStarting    ? "starting\n"
                                 : state == State::kRestoring ? "restoring the state\n"
                                                              : "stopping\n"};
}

std::string Service::Metrics() {
  Exposition out;
  ExposeProcess(&out);
  const std::lock_guard lock(mutex_);
  if (expose_) expose_(&out);
  return out.Text();
}

HttpAnswer Service::Answer(const HttpRequest& request) {
  if (request.path == "/livez") return {.body = "alive\n"};
  if (request.path == "/readyz") return Ready();
  if (request.path == "/startupz") {
    if (started_.load()) return {.body = "started\n"};
    HttpAnswer answer = Ready();
    answer.status = 503;
    return answer;
  }
  if (request.path == "/metrics") {
    if (!tokens_.empty() && !tokens_.Has(request.token)) {
      return {.status = 401, .body = "send `Authorization: Bearer TOKEN`\n"};
    }
    return {.body = Metrics(), .type = kMetricsType};
  }
  return {.status = request.path == "/" ? 200 : 404, .body = std::string(kPaths)};
}

}  // namespace leadflow::app
