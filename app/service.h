// Service: what a running pipeline shows over HTTP: whether it lives, whether it serves, and its
// metrics. Without a section `http` it listens nowhere and costs nothing.
//
//   /livez     200 while the process works, also while it restores
//   /startupz  200 once the state was complete
//   /readyz    200 while it serves; 503 with the reason: starting, restoring, stopping
//   /metrics   for Prometheus; asks for a token if the pipeline names some
//
// It also takes webhooks: see webhooks.h.
//
// Every method may be called by any thread.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "app/webhooks.h"
#include "connectors/http/server.h"
#include "connectors/http/tokens.h"
#include "engine/base/clock.h"
#include "engine/metrics/exposition.h"
#include "operators/pipeline/pipeline.h"

namespace leadflow::app {

class Service {
 public:
  enum class State : std::uint8_t { kStarting, kRestoring, kServing, kStopping };
  using Expose = std::function<void(Exposition*)>;

  // Listens if the pipeline says so. Errors name the address or the file of tokens.
  static Result<std::unique_ptr<Service>> Start(const Pipeline& pipeline);
  explicit Service(Tokens tokens,  // Use Start.
                   std::unique_ptr<Webhooks> webhooks = std::make_unique<Webhooks>(Clock::System()))
      : tokens_(std::move(tokens)), webhooks_(std::move(webhooks)) {}

  void SetState(State state);

  // What is shown besides the process itself; null: nothing. Not called any more once this returns.
  void Show(Expose expose);

  // "127.0.0.1:8080", with the port that was given if any was asked for; empty: nowhere.
  const std::string& address() const { return address_; }

  Webhooks& webhooks() { return *webhooks_; }

  void Answer(const HttpRequest& request, const HttpServer::Reply& reply);
  // What is not a webhook.
  HttpAnswer Answer(const HttpRequest& request);

 private:
  HttpAnswer Ready() const;
  std::string Metrics();

  const Tokens tokens_;
  const std::unique_ptr<Webhooks> webhooks_;
  std::string address_;
  std::atomic<State> state_{State::kStarting};
  std::atomic<bool> started_{false};
  std::mutex mutex_;
  Expose expose_;                       // Guarded by mutex_.
  std::unique_ptr<HttpServer> server_;  // Last: it ends before what it asks.
};

// Gives a service the inbox for as long as it is there.
class Taken {
 public:
  Taken(Service* service, InboxQueue* queue) : service_(*service) {
    service_.webhooks().SetQueue(queue);
  }
  ~Taken() { service_.webhooks().SetQueue(nullptr); }
  Taken(const Taken&) = delete;
  Taken& operator=(const Taken&) = delete;

 private:
  Service& service_;
};

// Clears what a service shows, before what it borrows is gone.
class Shown {
 public:
  Shown(Service* service, Service::Expose expose) : service_(*service) {
    service_.Show(std::move(expose));
  }
  ~Shown() { service_.Show(nullptr); }
  Shown(const Shown&) = delete;
  Shown& operator=(const Shown&) = delete;

 private:
  Service& service_;
};

}  // namespace leadflow::app
