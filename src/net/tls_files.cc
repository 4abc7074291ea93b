// SPDX-License-Identifier: Apache-2.0
#include "net/tls_files.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>

#include <fmt/format.h>

#include "base/account.h"
#include "base/address.h"

namespace weir::net {

namespace {

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

/// Nobody is asked for a pass phrase: a key with one is refused.
int no_pass_phrase(char*, int, int, void*) { return -1; }

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  return text;
}

std::string name_text(const X509_NAME* name) {
  BIO* out = BIO_new(BIO_s_mem());
  X509_NAME_print_ex(out, name, 0,
                     XN_FLAG_RFC2253 & ~static_cast<unsigned long>(ASN1_STRFLGS_ESC_MSB));
  char* data = nullptr;
  long size = BIO_get_mem_data(out, &data);
  std::string text(data, size > 0 ? static_cast<std::size_t>(size) : 0);
  BIO_free(out);
  return text;
}

WallTime time_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) {
    return {};
  }
  return WallTime(std::chrono::seconds(::timegm(&parts)));
}

std::string string_of(const ASN1_STRING* text) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
          static_cast<std::size_t>(ASN1_STRING_length(text))};
}

std::string common_name(const X509* certificate) {
  const X509_NAME* subject = X509_get_subject_name(certificate);
  int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  return at < 0 ? std::string()
                : string_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
}

std::string address_text(const ASN1_STRING* bytes) {
  const unsigned char* b = ASN1_STRING_get0_data(bytes);
  if (ASN1_STRING_length(bytes) == 4) {
    return fmt::format("{}.{}.{}.{}", b[0], b[1], b[2], b[3]);
  }
  std::string text;
  for (int i = 0; i + 1 < ASN1_STRING_length(bytes); i += 2) {
    text += fmt::format("{}{:x}", i > 0 ? ":" : "", b[i] << 8 | b[i + 1]);
  }
  auto address = Address::parse(text);
  return address ? address->host() : text;
}

File open(const std::string& path, std::string& problem) {
  File file(std::fopen(path.c_str(), "re"));
  if (!file) {
    problem = fmt::format("{} cannot be read: {}", path, tell_file_error(errno));
  }
  return file;
}

} // namespace

std::vector<std::string> names_of(const x509_st* certificate, bool all) {
  std::vector<std::string> names;
  auto* found = static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; found != nullptr && i < sk_GENERAL_NAME_num(found); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(found, i);
    if (name->type == GEN_DNS) {
      names.push_back((all ? "DNS:" : "") + lower(string_of(name->d.dNSName)));
    } else if (all && (name->type == GEN_EMAIL || name->type == GEN_URI)) {
      names.push_back((name->type == GEN_EMAIL ? "email:" : "URI:") + string_of(name->d.ia5));
    } else if (all && name->type == GEN_IPADD) {
      names.push_back("IP:" + address_text(name->d.iPAddress));
    }
  }
  GENERAL_NAMES_free(found);
  return names;
}

Ref<const TlsCertificate> TlsCertificate::load(const std::string& file, const std::string& key_file,
                                               std::string& problem,
                                               std::vector<std::string>& warnings) {
  auto made = make_ref<TlsCertificate>(Private{});
  made->file_ = file;
  ERR_clear_error();
  bool good = made->read(file, key_file.empty() ? file : key_file, problem) &&
              made->check(problem, warnings);
  ERR_clear_error();
  return good ? Ref<const TlsCertificate>(made) : nullptr;
}

TlsCertificate::~TlsCertificate() {
  for (X509* each : chain_) {
    X509_free(each);
  }
  EVP_PKEY_free(key_);
}

bool TlsCertificate::read(const std::string& path, const std::string& key_path,
                          std::string& problem) {
  File file = open(path, problem);
  if (!file) {
    return false;
  }
  while (X509* each = PEM_read_X509(file.get(), nullptr, no_pass_phrase, nullptr)) {
    chain_.push_back(each);
  }
  if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) {
    problem = fmt::format("{}: a certificate in it is damaged", path);
    return false;
  }
  if (chain_.empty()) {
    problem = fmt::format("{} holds no certificate", path);
    return false;
  }
  ERR_clear_error();
  File key = open(key_path, problem);
  if (!key) {
    return false;
  }
  key_ = PEM_read_PrivateKey(key.get(), nullptr, no_pass_phrase, nullptr);
  if (key_ == nullptr) {
    bool absent = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    problem = absent
                  ? fmt::format("{} holds no private key", key_path)
                  : fmt::format("{}: the private key is damaged, or has a pass phrase", key_path);
    return false;
  }
  return true;
}

bool TlsCertificate::check(std::string& problem, std::vector<std::string>& warnings) {
  X509* own = chain_.front();
  if (X509_check_private_key(own, key_) != 1) {
    problem = fmt::format("{}: the private key does not fit the certificate", file_);
    return false;
  }
  names_ = names_of(own, false);
  if (names_.empty()) {
    if (std::string name = lower(common_name(own)); !name.empty()) {
      names_.push_back(std::move(name));
    }
    warnings.push_back(
        fmt::format("{} has no alternative names: today's clients refuse it", file_));
  }
  subject_ = name_text(X509_get_subject_name(own));
  issuer_ = name_text(X509_get_issuer_name(own));
  int id = EVP_PKEY_get_base_id(key_);
  key_type_ = id == EVP_PKEY_RSA ? "RSA" : id == EVP_PKEY_EC ? "EC" : OBJ_nid2sn(id);
  begins_ = time_of(X509_get0_notBefore(own));
  ends_ = time_of(X509_get0_notAfter(own));
  for (std::size_t i = 0; i + 1 < chain_.size(); ++i) {
    EVP_PKEY* signer = X509_get0_pubkey(chain_[i + 1]);
    if (X509_check_issued(chain_[i + 1], chain_[i]) != X509_V_OK || signer == nullptr ||
        X509_verify(chain_[i], signer) != 1) {
      problem = fmt::format("{}: certificate {} of the chain is not signed by the next one", file_,
                            i + 1);
      return false;
    }
  }
  if (chain_.size() == 1 && X509_check_issued(own, own) != X509_V_OK) {
    warnings.push_back(
        fmt::format("{} has no chain: clients that do not know {} refuse it", file_, issuer_));
  }
  return true;
}

int TlsCertificate::days_left(WallTime now) const noexcept {
  auto left = ends_ - now;
  return static_cast<int>(std::chrono::floor<std::chrono::days>(left).count());
}

bool TlsCertificate::covers(std::string_view host) const {
  std::size_t dot = host.find('.');
  std::string_view parent = dot == std::string_view::npos ? std::string_view() : host.substr(dot);
  return std::any_of(names_.begin(), names_.end(), [&](const std::string& name) {
    return name == host || (!parent.empty() && name.size() > 2 && name[0] == '*' &&
                            std::string_view(name).substr(1) == parent);
  });
}

} // namespace weir::net
