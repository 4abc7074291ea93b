// SPDX-License-Identifier: Apache-2.0
//
// Exchange: one request and its response, whatever carried it, in both directions (DESIGN §6.1). It
// knows caching and nothing of framing.
//
// Owner: the ClientSession it came from, which lends it for one request at a time. Thread: that
// session's worker. The session's calls act; what an Exchange calls on its session only marks.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "base/arena.h"
#include "base/trail.h"
#include "cache/disk_read.h"
#include "cache/key.h"
#include "cache/outcome.h"
#include "cache/rfc9111.h"
#include "http/h1_parser.h"
#include "log/record.h"
#include "proxy/generation.h"
#include "proxy/reply.h"
#include "proxy/session.h"
#include "proxy/source.h"
#include "proxy/step.h"
#include "rules/rule_set.h"

namespace weir::proxy {

class CodedBody;
class FetchPlan;
class Metering;
struct Awaited;
enum class Login : std::uint8_t;
struct PurgeRequest;
struct Resources;

class Exchange final : public event::Task, private cache::Selector {
public:
  explicit Exchange(Resources& resources);
  ~Exchange() override;

  // The session.
  /// Before the first byte of a head is parsed.
  void begin(ClientSession& session, const ListenPlace& place, const Ends& ends);
  http::RequestHead& request() noexcept { return request_; }
  Arena& arena() noexcept { return arena_; }
  const http::HeadLimits& limits() const noexcept { return limits_; }
  /// After begin(): of a request that is no client's, for the log.
  void set_kind(std::string_view kind) noexcept { record_.kind = kind; }
  /// From respond() to delivered().
  const cache::Outcome& outcome() const noexcept { return outcome_; }
  /// The head is complete.
  void start();
  /// The head is unusable.
  void reject(const Error& error);
  /// Body bytes, at most `room`.
  Pull pull(OutQueue& out, std::size_t room);
  /// After Pull::end.
  const http::Fields& trailers() const;
  /// A tunnel: both directions are over.
  bool ended() const;
  /// The last byte is with the kernel (or the answer was cut): finish.
  void delivered();
  /// The client is gone: finish, at once.
  void abandon(const Error& why);
  void count_in(std::uint64_t n) { metering_ ? meter(bytes_in_, n) : void(bytes_in_ += n); }
  void count_out(std::uint64_t n) { metering_ ? meter(bytes_out_, n) : void(bytes_out_ += n); }

  void run() override { drive(); }
  const Trail<16>& trail() const noexcept { return trail_; }

private:
  void drive();
  void go(Step step);
  Next next(Step step) {
    go(step);
    return Next::again;
  }

  // exchange_admit.cc
  Next admit();
  Next admit_forward(const ListenUse& use);
  Next admit_site(const ListenUse& use);
  Next admit_route(const rules::Route& route);
  Next admit_asked();
  http::Scheme asked_scheme() const noexcept;
  http::Scheme own_scheme() const noexcept;
  bool fetches_by_tls() const noexcept;
  bool ask_rules(const rules::RuleSet& rules, std::span<const Address> addresses, bool known);
  Next act_on_verdict();
  void fill_facts(std::string_view host, std::uint16_t port, std::string_view scheme);

  // exchange_login.cc
  Next admit_user();
  Next enter(std::string_view name);
  Next refuse_login(Login why, Duration locked_for);

  // exchange_limits.cc
  bool may_go_on();
  bool is_within_limits();
  void meter(std::uint64_t& count, std::uint64_t bytes);
  Pull pull_metered(OutQueue& out, std::size_t room);
  void note_metering();

  // exchange_purge.cc
  Next admit_purge(const rules::Route& route);
  PurgeRequest purge_request(std::string_view target) const;
  void invalidate_parts(std::string_view target);

  // exchange_lookup.cc
  Next lookup();
  Next use_entry(Ref<const cache::Entry> entry);
  Next claim();
  void pass_marked(const cache::Moment& moment);
  Next lead();
  Next join();
  Next join_head(Ref<const cache::FillHead> head);
  Next join_entry(Ref<const cache::Entry> entry);
  Next join_disk();
  Next lead_after_disk();
  Next join_failed(const Error& error);
  Next serve_stale();
  void make_key();
  cache::RequestDirectives directives() const;
  cache::ServeVerdict verdict_on(const cache::Entry& entry, Duration age) const;
  void count_end();
  void count_active(bool active);
  bool for_origin_only() const;
  bool may_use_addresses(std::span<const Address> addresses);
  std::string_view values(std::string_view names) override;
  void revalidate_behind(const Ref<const cache::Entry>& entry);
  void invalidate(const cache::FillHead& head);
  std::string_view own_target(std::string_view reference);

  // exchange_fetch.cc
  std::vector<Ref<const cache::Entry>> other_variants();
  std::unique_ptr<FetchPlan> make_plan(bool via_cache);
  void plan_use(FetchPlan& plan, bool via_cache);
  void begin_part();
  void begin_post();
  void take_word_of(const cache::FillHead& head);
  std::string_view write_head(FetchPlan& plan);
  bool refuse_fetch() const;
  void start_fill();
  Next pass();
  Next pass_by_http1(const Fetch& refused);
  Next look_again(const cache::FillHead& head);
  void give_to_fill(std::unique_ptr<cache::Producer> fetch, bool has_begun);
  Next tunnel();

  // exchange_coding.cc
  bool code_body(Answer& answer);
  bool respond_sibling(const cache::Entry& entry);
  void code_not_modified(http::ResponseHead& head, std::uint64_t length);
  Pull pull_coded(OutQueue& out, std::size_t room);
  Pull pull_source(OutQueue& out, std::size_t room);

  // exchange_respond.cc
  Next respond();
  void respond_entry(const cache::Entry& entry);
  void respond_range(const cache::Entry& entry);
  void respond_not_modified(const cache::Entry& entry);
  void respond_head(const cache::FillHead& head);
  void respond_reply();
  bool is_tunnel(const cache::FillHead& head) const;
  void send(Answer& answer, std::optional<Duration> age);
  void send_as_is(const Answer& answer, std::optional<Duration> age, bool varies);
  Next fail();
  Next reply(Reply reply);
  Next stream();
  Next finish();
  void release();
  void note_verdict();
  void note_origin(const Fetch& fetch);
  void note_pool();
  PageFacts page_facts();

  const event::Ticket& ticket();

  Resources& resources_;
  ClientSession* session_ = nullptr;
  const ListenPlace* place_ = nullptr;
  const net::TlsFacts* tls_ = nullptr; // of the connection; null: plain
  GenerationRef generation_;
  Address remote_; // of the connection
  Address client_; // as believed: what a trusted sender says of whom it asks for
  Address local_;  // where the connection came in
  Arena arena_;
  http::RequestHead request_;
  http::HeadLimits limits_;
  log::AccessRecord record_;
  log::RequestId id_;
  std::array<char, log::RequestId::kSize> id_text_;
  Trail<16> trail_;
  Step step_ = Step::finish;
  event::Ticket ticket_;
  MonoTime started_{};
  std::uint64_t bytes_in_ = 0;
  std::uint64_t bytes_out_ = 0;

  // From admit.
  const rules::Route* route_ = nullptr;
  const config::Options* options_ = nullptr;
  rules::Facts facts_;
  rules::Verdict verdict_;
  bool forward_ = false;
  bool websocket_ = false;                             // the client asks for it, and may
  const origin::Pool::Server* http1_server_ = nullptr; // takes it by HTTP/1.1 only
  bool trusted_ = false;
  bool limited_ = false; // in a limit there were too many
  std::string_view scheme_;
  std::string_view authority_; // of the key and of Host
  std::string_view url_;
  std::unique_ptr<Awaited> awaited_; // in admit
  // From lookup on.
  cache::Tier* tier_ = nullptr;
  const cache::Policy* policy_ = nullptr; // with tier_
  cache::Key key_;
  Hash128 key_hash_;
  bool has_key_ = false;
  bool active_ = false; // counted
  bool lead_ = false;
  bool others_ = false;    // a miss of a variant: the origin is told which ones there are
  Look look_ = Look::none; // of a pass
  cache::Moment moment_;   // of that claim
  bool disk_tried_ = false;
  int lookups_ = 0;
  std::size_t interims_seen_ = 0;
  Ref<const cache::Entry> entry_;   // to answer with
  Ref<const cache::Entry> stale_;   // seen, and needs validation
  Ref<const cache::Entry> partial_; // seen, and has not what is asked for
  std::unique_ptr<cache::DiskRead> disk_read_;
  cache::Outcome outcome_;

  // The answer.
  Source source_;
  std::unique_ptr<CodedBody> coded_; // its coding is changed on the way
  std::optional<Reply> reply_;
  Error error_;
  bool responded_ = false;
  std::string_view own_fields_; // weir adds them, with CRLF: of the nearest limit, of a login
  std::unique_ptr<Metering> metering_; // a limit of bytes holds it
  std::array<char, 1024> extra_;
};

} // namespace weir::proxy
