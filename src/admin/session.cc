// SPDX-License-Identifier: Apache-2.0
#include "admin/session.h"

#include <array>

#include <fmt/format.h>

#include "admin/access.h"
#include "admin/server.h"
#include "admin/verbs.h"
#include "http/h1_writer.h"
#include "metrics/metrics.h"

namespace weir::admin {
namespace {

constexpr http::HeadLimits kLimits = {8 * 1024, AdminSession::kMostHead, 8 * 1024, 64, 4096};
constexpr std::size_t kReadSize = 16 * 1024;
constexpr std::string_view kJson = "application/json";
constexpr std::string_view kMetricsType = "text/plain; version=0.0.4; charset=utf-8";

} // namespace

AdminSession::AdminSession(AdminServer& server, bool over_http, Access access)
    : server_(server), over_http_(over_http), peer_access_(access), parser_(kLimits) {
  ticket_ = server_.loop().issue(*this);
}

AdminSession::~AdminSession() { server_.loop().revoke(ticket_); }

bool AdminSession::open(net::Fd fd) {
  idle_.arm(server_.loop(), kIdleTime, *this);
  return transport_.open(server_.loop(), std::move(fd), *this);
}

void AdminSession::run() {
  while (state_ != State::closed && step()) {
  }
  if (state_ == State::closed) {
    server_.ended(*this);
  }
}

/// One step. False: it waits.
bool AdminSession::step() {
  if (is_late() || unwanted()) {
    close();
    return false;
  }
  switch (state_) {
  case State::reading:
    return read_request();
  case State::working:
    if (auto answer = reply_->take()) {
      reply_ = nullptr;
      send_answer(std::move(*answer));
      return true;
    }
    while (state_ == State::working && read_more()) {
    }
    return false;
  case State::sending:
    return send_more();
  case State::tailing:
    return tail_more();
  case State::leaving:
    drop_input();
    return false;
  case State::closed:
    break;
  }
  return false;
}

bool AdminSession::is_late() const noexcept {
  return idle_.passed() || request_.passed() || send_.passed();
}

/// The daemon stops: whoever has not asked for anything goes.
bool AdminSession::unwanted() const noexcept {
  return server_.stopping() && (state_ == State::reading || state_ == State::tailing);
}

/// Reads what is there. True: bytes came, or the client has gone (closed). What comes while a verb
/// works belongs to the next request; only so much of it is taken.
bool AdminSession::read_more() {
  if (in_.size() > kMostHead + kMostBody) {
    return false;
  }
  std::size_t had = in_.size();
  in_.resize(had + kReadSize);
  net::IoResult got = transport_.read(in_.data() + had, kReadSize);
  in_.resize(had + got.bytes);
  if (got.state == net::IoResult::ok) {
    return true;
  }
  if (got.state != net::IoResult::would_block) {
    close();
    return true;
  }
  return false;
}

/// Nothing is expected from the client; its end closes.
void AdminSession::drop_input() {
  while (state_ != State::closed && read_more()) {
    in_.clear();
  }
}

bool AdminSession::read_request() {
  auto progress = parser_.parse_request(in_, head_, arena_);
  if (!progress) {
    metrics::count(metrics::Metric::requests_malformed);
    keep_alive_ = false;
    refuse(http::status_of(progress.error()), Exit::usage, name(progress.error().code));
    return true;
  }
  if (progress->complete) {
    if (take_body(progress->size)) {
      carry_out();
      return true;
    }
    if (state_ != State::reading) {
      return true;
    }
  }
  if (!in_.empty() && !request_.armed()) {
    idle_.disarm();
    request_.arm(server_.loop(), kRequestTime, *this);
  }
  return read_more();
}

/// True: the body is whole. The head is parsed again with every piece that comes: it is small.
bool AdminSession::take_body(std::size_t head_size) {
  keep_alive_ = head_.keep_alive;
  std::uint64_t length = head_.framing.length;
  if (head_.framing.kind == http::Framing::Kind::chunked) {
    keep_alive_ = false;
    refuse(411, Exit::usage, "the body needs a Content-Length");
    return false;
  }
  if (length > kMostBody) {
    keep_alive_ = false;
    refuse(413, Exit::usage, "the body is too large");
    return false;
  }
  if (in_.size() - head_size < length) {
    if (head_.expect_continue && in_.size() == head_size && !told_continue_) {
      told_continue_ = true;
      out_ = "HTTP/1.1 100 Continue\r\n\r\n";
      queue_.push(Slice(out_));
      transport_.write(queue_); // a few bytes into an empty socket
    }
    parser_.reset();
    head_.clear();
    arena_.reset();
    return false;
  }
  body_.assign(in_, head_size, length);
  used_ = head_size + length;
  return true;
}

/// What is wanted is known whole.
void AdminSession::carry_out() {
  metrics::count(metrics::Metric::requests_admin);
  idle_.disarm();
  request_.disarm();
  if (std::string_view why = over_http_ ? foreign(head_) : std::string_view{}; !why.empty()) {
    return refuse(403, Exit::refused, why);
  }
  std::string_view path = head_.uri.path;
  if (path == "/metrics") {
    if (head_.method != http::Method::get && head_.method != http::Method::head) {
      return send(405, kJson, dump(failure(Exit::usage, "GET only").body), "Allow: GET\r\n");
    }
    std::string text;
    server_.daemon().metrics().write_prometheus(text);
    return send(200, kMetricsType, std::move(text));
  }
  const Verb* verb = find_path(path);
  if (verb == nullptr) {
    return refuse(404, Exit::usage, fmt::format("there is nothing at {}", path));
  }
  if (head_.method != http::Method::post) {
    return send(405, kJson, dump(failure(Exit::usage, "POST only").body), "Allow: POST\r\n");
  }
  carry_out_verb(*verb);
}

void AdminSession::carry_out_verb(const Verb& verb) {
  Access access = peer_access_;
  if (over_http_) {
    access = has_token(head_, server_.token()) ? Access::admin : Access::none;
    if (access == Access::none) {
      bool none = server_.token().empty();
      return send(401, kJson,
                  dump(failure(Exit::refused, none ? "no command is carried out here: the "
                                                     "configuration has no `token`"
                                                   : "the token is missing or wrong")
                           .body),
                  "WWW-Authenticate: Bearer realm=\"weir\"\r\n");
    }
  }
  if (access < verb.access) {
    return refuse(403, Exit::refused,
                  fmt::format("{} needs the level {}, you have {}", verb.words(), name(verb.access),
                              name(access)));
  }
  Json arguments = Json::object();
  if (!body_.empty()) {
    auto parsed = parse_json(body_);
    if (!parsed) {
      return refuse(400, Exit::usage, "the body is not JSON");
    }
    arguments = std::move(*parsed);
  }
  if (std::string wrong = check_arguments(verb, arguments); !wrong.empty()) {
    return refuse(400, Exit::usage, wrong);
  }
  VerbFunction function = find_function(verb);
  if (function == nullptr) {
    return begin_tail(arguments);
  }
  state_ = State::working;
  reply_ = make_ref<Reply>(ticket_);
  function(Ask{server_.daemon(), arguments, reply_});
}

void AdminSession::begin_tail(const Json& arguments) {
  log::FilterError why;
  auto filter = log::Filter::parse(text_of(arguments, "filter"), Clock::wall(), why);
  if (!filter) {
    Answer answer = failure(Exit::usage, why.text);
    answer.body["at"] = why.at;
    return send_answer(std::move(answer));
  }
  log::Subscriptions* log = server_.daemon().subscriptions();
  if (log == nullptr) {
    return send_answer(failure(Exit::failed, "there is no log"));
  }
  tail_ = std::make_unique<log::Subscription>(*log, std::move(*filter), ticket_);
  keep_alive_ = false;
  out_ = "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nCache-Control: no-store\r\n"
         "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n";
  queue_.push(Slice(out_));
  state_ = State::tailing;
}

/// The records that came since the last time, as one chunk.
bool AdminSession::tail_more() {
  drop_input();
  if (state_ == State::closed) {
    return false;
  }
  if (queue_.empty()) {
    std::string lines = tail_->take();
    if (std::uint64_t dropped = tail_->dropped(); dropped != dropped_told_) {
      lines += fmt::format("{{\"dropped\":{}}}\n", dropped - dropped_told_);
      dropped_told_ = dropped;
    }
    if (lines.empty()) {
      send_.disarm();
      return false;
    }
    out_ = fmt::format("{:x}\r\n{}\r\n", lines.size(), lines);
    queue_.push(Slice(out_));
  }
  return send_more();
}

/// True: all of it is with the kernel.
bool AdminSession::send_more() {
  net::IoResult wrote = transport_.write(queue_);
  if (wrote.state == net::IoResult::failed) {
    close();
    return false;
  }
  if (!queue_.empty()) {
    if (wrote.bytes > 0 || !send_.armed()) {
      send_.arm(server_.loop(), kSendTime, *this);
    }
    return false;
  }
  send_.disarm();
  if (state_ == State::sending) {
    sent();
  }
  return true;
}

/// An answer is complete: the next request, or the end.
void AdminSession::sent() {
  if (stop_) {
    server_.daemon().stop(*std::exchange(stop_, std::nullopt));
    keep_alive_ = false;
  }
  if (!keep_alive_ || server_.stopping()) {
    // Closed with bytes unread, the answer could be lost in a reset.
    transport_.shutdown_write();
    state_ = State::leaving;
    send_.arm(server_.loop(), kLeaveTime, *this);
    return;
  }
  told_continue_ = false;
  parser_.reset();
  head_.clear();
  arena_.reset();
  state_ = State::reading;
  idle_.arm(server_.loop(), kIdleTime, *this);
}

void AdminSession::send_answer(Answer answer) {
  stop_ = answer.stop;
  std::string text = dump(answer.body);
  text += '\n';
  send(http_status(answer.exit), kJson, std::move(text));
}

void AdminSession::refuse(int status, Exit exit, std::string_view why) {
  send(status, kJson, dump(failure(exit, std::string(why)).body) + "\n");
}

/// The request's bytes are used up from here on.
void AdminSession::send(int status, std::string_view type, std::string body,
                        std::string_view extra) {
  std::array<char, 1024> memory;
  http::H1Writer head(memory.data(), memory.size());
  head.status_line(status);
  head.field(http::FieldId::date, Clock::http_date());
  head.field(http::FieldId::content_type, type);
  head.field(http::FieldId::content_length, body.size());
  head.field(http::FieldId::cache_control, "no-store");
  head.field("X-Content-Type-Options", "nosniff");
  head.raw(extra);
  if (!keep_alive_) {
    head.field(http::FieldId::connection, "close");
  }
  head.end_head();
  out_ = std::string(head.bytes());
  if (head_.method != http::Method::head) {
    out_ += body;
  }
  in_.erase(0, std::exchange(used_, 0));
  queue_.clear();
  queue_.push(Slice(out_));
  idle_.disarm();
  request_.disarm();
  state_ = State::sending;
}

void AdminSession::close() {
  idle_.disarm();
  request_.disarm();
  send_.disarm();
  tail_.reset();
  queue_.clear();
  transport_.close();
  state_ = State::closed;
}

} // namespace weir::admin
