using System.Security.Cryptography;
using System.Text.Json;
using EstProv.Keys.Client;
using EstProv.Keys.Service;
using EstProv.Keys.Stores;
using EstProv.LocalApi;
using EstProv.LocalApi.Server;
using EstProv.Platform;

namespace EstProv.Keys.Routes;

/// <summary>
/// <c>POST /encrypt {keyHandle, algorithm, parameters?, plaintext}</c> and <c>POST /decrypt {keyHandle, algorithm, parameters?, ciphertext}</c>:
/// AEAD with a symmetric key, RSA-PKCS1 as a signature in old clients' clothes, RSA-OAEP to decrypt. RSA-OAEP also with everything but the
/// ciphertext in the query and raw bytes both ways, for callers in C.
/// </summary>
internal sealed class CipherRoutes(KeyService service)
{
    private const string OctetStream = "application/octet-stream";

    public void Map(LocalServer server)
    {
        server.Map("POST", "/encrypt", KeyRoutes.ApiVersions, Encrypt);
        server.Map("POST", "/decrypt", KeyRoutes.ApiVersions, Decrypt);
    }

    private void Encrypt(LocalRequest request, LocalResponse response)
    {
        request.Secret = true;
        var body = request.Json(static json => CipherFields.Read(json, "plaintext"));
        try
        {
            var ciphertext = body.Algorithm switch
            {
                "AEAD" => Seal(request, body),
                "RSA-PKCS1" => SignDigestInfo(request, body),
                "RSA-NO-PADDING" => throw new ProblemException("algorithm_refused",
                    "RSA-NO-PADDING is not offered: with the bare RSA operation a caller could forge any signature and open any ciphertext",
                    "use POST /sign with RSA-PKCS1 or RSA-PSS", 400),
                _ => throw Unknown(body.Algorithm, "AEAD and RSA-PKCS1"),
            };
            Answer(response, "ciphertext"u8, ciphertext);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(body.Input);
        }
    }

    private void Decrypt(LocalRequest request, LocalResponse response)
    {
        if (request.ContentType == OctetStream) DecryptRaw(request, response);
        else DecryptJson(request, response);
    }

    private void DecryptRaw(LocalRequest request, LocalResponse response)
    {
        var handle = request.Query("handle") ?? throw Bad("the query parameter handle is missing");
        var algorithm = request.Query("algorithm") ?? throw Bad("the query parameter algorithm is missing");
        if (algorithm != "RSA-OAEP") throw RefusedForDecryption(algorithm, "RSA-OAEP");
        Span<byte> room = stackalloc byte[StoredKey.LongestSignature];
        var length = service.DecryptOaep(KeyRoutes.CallerOf(request), handle, HashOf(request.Query("hash")), request.Body.Span, room);
        response.Secret = true;
        response.Bytes(room[..length], OctetStream);
        CryptographicOperations.ZeroMemory(room);
    }

    private void DecryptJson(LocalRequest request, LocalResponse response)
    {
        var body = request.Json(static json => CipherFields.Read(json, "ciphertext"));
        var plaintext = body.Algorithm switch
        {
            "AEAD" => service.Decrypt(KeyRoutes.CallerOf(request), body.Handle, body.Iv, body.Aad, body.Input),
            "RSA-OAEP" => Open(request, body),
            _ => throw RefusedForDecryption(body.Algorithm, "AEAD and RSA-OAEP"),
        };
        response.Secret = true;
        Answer(response, "plaintext"u8, plaintext);
        CryptographicOperations.ZeroMemory(plaintext);
    }

    private byte[] Seal(LocalRequest request, CipherFields body)
    {
        var output = new byte[body.Input.Length + KeyService.SealedOverhead];
        service.Encrypt(KeyRoutes.CallerOf(request), body.Handle, body.Iv, body.Aad, body.Input, output);
        return output;
    }

    // Old clients have no other way to an RSA signature: 'encryption' with the private key of a DigestInfo, padded by PKCS#1 v1.5.
    private byte[] SignDigestInfo(LocalRequest request, CipherFields body)
    {
        if (!DigestAlgorithms.TryReadDigestInfo(body.Input, out var hash, out var digest))
        {
            throw new ProblemException("bad_request", "RSA-PKCS1 takes the DigestInfo of a SHA-256, SHA-384 or SHA-512 (RFC 8017 section 9.2) and signs it",
                "to encrypt something, use the public key yourself", 400);
        }

        var signature = new byte[StoredKey.LongestSignature];
        return signature[..service.Sign(KeyRoutes.CallerOf(request), body.Handle, SignatureScheme.RsaPkcs1, hash, digest, signature)];
    }

    private byte[] Open(LocalRequest request, CipherFields body)
    {
        Span<byte> room = stackalloc byte[StoredKey.LongestSignature];
        var length = service.DecryptOaep(KeyRoutes.CallerOf(request), body.Handle, HashOf(body.Hash), body.Input, room);
        var plaintext = room[..length].ToArray();
        CryptographicOperations.ZeroMemory(room);
        return plaintext;
    }

    private static void Answer(LocalResponse response, ReadOnlySpan<byte> name, byte[] value)
    {
        var json = response.Json();
        json.WriteStartObject();
        json.WriteBase64String(name, value);
        json.WriteEndObject();
    }

    private static HashAlgorithmName HashOf(string? name) => name switch
    {
        null or "sha1" => HashAlgorithmName.SHA1, // as RFC 8017 appendix A.2.1 has it where nothing is said
        "sha256" => HashAlgorithmName.SHA256,
        "sha384" => HashAlgorithmName.SHA384,
        "sha512" => HashAlgorithmName.SHA512,
        _ => throw Bad($"the hash '{name}' is unknown; there are sha1, sha256, sha384 and sha512"),
    };

    private static ProblemException RefusedForDecryption(string algorithm, string known) => algorithm is "RSA-PKCS1" or "RSA-NO-PADDING"
        ? new ProblemException("algorithm_refused",
            $"{algorithm} is not offered for decryption: its answers help who wants to open a ciphertext without the key (RFC 8017 section 7.2)",
            "use RSA-OAEP", 400)
        : Unknown(algorithm, known);

    private static ProblemException Bad(string message) => new("bad_request", message,
        "name handle, algorithm and hash in the query, and send the bare ciphertext: ?handle=HANDLE&algorithm=RSA-OAEP&hash=sha256", 400);

    private static ProblemException Unknown(string algorithm, string known) =>
        new("bad_request", $"the algorithm '{algorithm}' is unknown; there are {known}",
            "use one of these; to sign there is POST /sign", 400);

    private sealed record CipherFields(string Handle, string Algorithm, byte[] Input, byte[] Iv, byte[] Aad, string? Hash)
    {
        public static CipherFields Read(JsonElement json, string input)
        {
            var algorithm = json.Text("algorithm");
            var parameters = json.OptionalObject("parameters");
            if (algorithm != "AEAD") return new CipherFields(json.Text("keyHandle"), algorithm, json.Bytes(input), [], [], parameters?.OptionalText("hash"));
            var given = parameters ?? throw new JsonException(null, "$.parameters", null, null);
            return new CipherFields(json.Text("keyHandle"), algorithm, json.Bytes(input), given.Bytes("iv"), given.Bytes("aad"), null);
        }
    }
}
