// SPDX-License-Identifier: Apache-2.0
#include "admin/certificates.h"

#include "admin/local_answers.h"
#include "admin/verbs.h"
#include "proxy/generation.h"
#include "proxy/tls_setup.h"

namespace weir::admin {

namespace {

std::int64_t unix_time(WallTime time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

} // namespace

Answer certificates_answer(std::span<const proxy::CertificateUse> certificates, WallTime now) {
  Json rows = Json::array();
  for (const proxy::CertificateUse& use : certificates) {
    const net::TlsCertificate& each = *use.certificate;
    Json row;
    row["listener"] = use.listener;
    row["address"] = use.address.to_string();
    row["names"] = each.names();
    row["file"] = each.file();
    row["key"] = each.key_type();
    row["issuer"] = each.issuer();
    row["ends"] = unix_time(each.ends());
    row["days_left"] = each.days_left(now);
    row["warning"] = proxy::tell_end(each, now);
    row["where"] = use.where;
    rows.push_back(std::move(row));
  }
  Json body;
  body["certificates"] = std::move(rows);
  return success(std::move(body));
}

Answer certificates_of(const config::Config& config, WallTime now) {
  auto tls = proxy::set_up_tls(config, nullptr, now);
  Answer answer = certificates_answer(tls.certificates, now);
  if (!tls.good) {
    answer.exit = Exit::failed;
    answer.body["error"] = count_text(tls.diagnostics);
    answer.body["diagnostics"] = diagnostics_json(tls.diagnostics);
  }
  return answer;
}

void check_tls(config::Loaded& loaded) {
  if (!loaded.config) {
    return;
  }
  auto tls = proxy::set_up_tls(*loaded.config, nullptr, Clock::wall());
  for (config::Diagnostic& each : tls.diagnostics) {
    loaded.diagnostics.push_back(std::move(each));
  }
  if (!tls.good) {
    loaded.config = nullptr;
  }
}

void cert_ls(const Ask& ask) {
  auto generation = ask.daemon.generation();
  if (!generation) {
    return ask.answer(failure(Exit::failed, "no configuration is in force"));
  }
  ask.answer(certificates_answer(generation->certificates, Clock::wall()));
}

} // namespace weir::admin
