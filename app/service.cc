#include "app/service.h"

#include <algorithm>

#include "app/process_metrics.h"
#include "app/tokens_file.h"

namespace leadflow::app {
namespace {

constexpr std::string_view kPaths = "/livez /readyz /startupz /metrics\n";
constexpr const char* kMetricsType = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace

Result<std::unique_ptr<Service>> Service::Start(const Pipeline& pipeline) {
  LEADFLOW_ASSIGN_OR_RETURN(std::unique_ptr<Webhooks> webhooks,
                            Webhooks::Make(pipeline, Clock::System()));
  if (!pipeline.http) return std::make_unique<Service>(Tokens(), std::move(webhooks));
  const HttpSpec& http = *pipeline.http;
  LEADFLOW_ASSIGN_OR_RETURN(Tokens tokens, ReadTokens(http.tokens_file, "http.tokens"));
  auto service = std::make_unique<Service>(std::move(tokens), std::move(webhooks));
  HttpServerOptions options{.address = http.address, .port = http.port};
  options.takes_body = [it = service.get()](std::string_view path) {
    return it->webhooks().Has(path);
  };
  auto server = HttpServer::Start(
      options, [it = service.get()](const HttpRequest& request, const HttpServer::Reply& reply) {
        it->Answer(request, reply);
      });
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
  return {.status = 503,
          .body = state == State::kStarting    ? "starting\n"
                  : state == State::kRestoring ? "restoring the state\n"
                                               : "stopping\n"};
}

std::string Service::Metrics() {
  Exposition out;
  ExposeProcess(&out);
  webhooks_->Expose(&out);
  const std::lock_guard lock(mutex_);
  if (expose_) expose_(&out);
  return out.Text();
}

void Service::Answer(const HttpRequest& request, const HttpServer::Reply& reply) {
  webhooks_->Has(request.path) ? webhooks_->Take(request, reply) : reply(Answer(request));
}

HttpAnswer Service::Answer(const HttpRequest& request) {
  constexpr std::string_view kOwn[] = {"/", "/livez", "/readyz", "/startupz", "/metrics"};
  if (std::find(std::begin(kOwn), std::end(kOwn), request.path) == std::end(kOwn)) {
    return {.status = 404, .body = std::string(kPaths)};
  }
  if (request.post) return {.status = 405, .body = "only GET and HEAD\n"};
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
  return {.body = std::string(kPaths)};
}

}  // namespace leadflow::app
