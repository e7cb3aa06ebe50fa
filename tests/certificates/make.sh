#!/bin/sh
# Makes the certificates and keys of this folder, which tests/transport uses, with OpenSSL 3.
# They are kept here because no Rust library makes some of these kinds: certificates of version 1,
# RSA keys, encrypted keys, keys on P-521. All are valid until 2126, unless their name says
# otherwise.
set -eu
cd "$(dirname "$0")"
rm -f ./*.crt ./*.key
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
names='subjectAltName=IP:127.0.0.1,DNS:localhost'

# The hash of signatures.
hash=sha256
# The curve of the keys of certificate authorities.
curve=prime256v1

# authority FILE SUBJECT [DATES]: a certificate authority.
authority() {
    openssl ecparam -name $curve -genkey -noout -out "$work/$1.key"
    signed "$1" "$2" "$work/$1.key" "$1" 'basicConstraints=critical,CA:TRUE' "${3:-20260101000000Z 21260101000000Z}"
}

# signed FILE SUBJECT KEY ISSUER EXTENSION [DATES]: a certificate, signed by an authority or itself.
signed() {
    dates=${6:-20260101000000Z 21260101000000Z}
    printf '[ca]\ndefault_ca=c\n[c]\nnew_certs_dir=%s\ndatabase=%s/index\nrand_serial=yes\n
            default_md=%s\npolicy=p\nunique_subject=no\n[p]\ncommonName=supplied\n[e]\n%s\n' \
        "$work" "$work" "$hash" "$(echo "$5" | tr ';' '\n')" > "$work/config"
    : > "$work/index"
    openssl req -new -subj "$2" -key "$3" -out "$work/request"
    if [ "$4" = "$1" ]; then issuer=-selfsign; else issuer="-cert $4.crt"; fi
    issuer_key=$work/$4.key
    [ "$4" != "$1" ] || issuer_key=$3
    # shellcheck disable=SC2086 # several words each
    openssl ca -batch -notext -config "$work/config" -extensions e -in "$work/request" \
        $issuer -keyfile "$issuer_key" -startdate "${dates% *}" -enddate "${dates#* }" -out "$1.crt"
}

# Certificate authorities. `namesake` has the name of `ca` and another key.
authority ca /CN=ca
authority namesake /CN=ca
authority old-ca /CN=old-ca '20200101000000Z 20260102030459Z'

# Keys of all kinds, and a client certificate for each.
openssl genrsa -traditional -out rsa-pkcs1.key 2048
openssl pkcs8 -topk8 -nocrypt -in rsa-pkcs1.key -out rsa-pkcs8.key
# `-genkey` without `-noout` puts EC PARAMETERS before the key.
openssl ecparam -name prime256v1 -genkey -out p256-sec1.key
openssl pkcs8 -topk8 -nocrypt -in p256-sec1.key -out p256-pkcs8.key
openssl ecparam -name secp384r1 -genkey -noout -out p384-sec1.key
openssl ecparam -name secp521r1 -genkey -noout -out p521-sec1.key
openssl genpkey -algorithm ed25519 -out ed25519-pkcs8.key
openssl pkcs8 -topk8 -passout pass:secret -in p256-sec1.key -out encrypted-pkcs8.key
openssl ec -aes128 -passout pass:secret -in p256-sec1.key -out encrypted-sec1.key
for kind in rsa-pkcs1 p256-sec1 p384-sec1 p521-sec1 ed25519-pkcs8; do
    signed "${kind%-*}" /CN=alice "$kind.key" ca 'extendedKeyUsage=clientAuth'
done
signed expired-client /CN=alice p256-sec1.key ca 'extendedKeyUsage=clientAuth' '20200101000000Z 20260102030459Z'
openssl req -new -subj /CN=alice -key p256-sec1.key -out "$work/request"
openssl x509 -req -days 36500 -in "$work/request" -CA ca.crt -CAkey "$work/ca.key" -out version-1.crt

# Server certificates, all for the key p256.
server() { signed "$1" "${4:-/CN=server}" p256-sec1.key "$2" "$3" "${5:-}"; }
server server ca "$names"
server own own "$names;basicConstraints=CA:FALSE"
server own-authority own-authority "$names;basicConstraints=CA:TRUE"
server authority ca "$names;basicConstraints=CA:TRUE"
server expired ca "$names" '' '20200101000000Z 20260102030459Z'
server own-expired own-expired "$names" '' '20200101000000Z 20260102030459Z'
server early ca "$names" '' '21250101000000Z 21260101000000Z'
server other-name ca 'subjectAltName=DNS:a.example,DNS:b.example,IP:10.0.0.1'
server own-other-name own-other-name 'subjectAltName=DNS:a.example,DNS:b.example,IP:10.0.0.1'
server only-names ca 'subjectAltName=DNS:a.example'
server common-name ca 'basicConstraints=CA:FALSE' /CN=localhost
server client-only ca "$names;extendedKeyUsage=clientAuth"
server by-old-ca old-ca "$names"
# Signed by a certificate that does not belong to an authority.
cp p256-sec1.key "$work/own.key"
server by-own own "$names" /CN=other

# RSA keys that are refused before anything is sent.
for kind in 3000:65537 8192:65537 2048:3; do
    name=rsa-${kind%:*}
    [ "${kind#*:}" != 3 ] || name=rsa-exponent-3
    openssl genpkey -quiet -algorithm RSA -pkeyopt "rsa_keygen_bits:${kind%:*}" \
        -pkeyopt "rsa_keygen_pubexp:${kind#*:}" -out "$name.key"
    openssl req -x509 -new -key "$name.key" -subj /CN=alice -days 36500 -out "$name.crt"
done

# Hashes that are longer or shorter than the key of the authority.
hash=sha512
authority p256-sha512-ca /CN=p256-sha512-ca
server p256-sha512 p256-sha512-ca "$names"
curve=secp384r1
authority p384-sha512-ca /CN=p384-sha512-ca
server p384-sha512 p384-sha512-ca "$names"
hash=sha256
server p384-sha256 p384-sha512-ca "$names"
hash=sha384
server p256-sha384 p256-sha512-ca "$names"
