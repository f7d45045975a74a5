using System.Security.Cryptography;
using System.Text.Json;
using EstProv.Keys.Client;
using EstProv.Keys.Handles;
using EstProv.Keys.Service;
using EstProv.Keys.Stores;
using EstProv.LocalApi.Server;
using EstProv.Platform;

namespace EstProv.Keys.Routes;

/// <summary>
/// <c>POST /sign</c>, as JSON <c>{keyHandle, algorithm, parameters: {digest, hash?}}</c>, or with everything but the digest in the query and raw
/// bytes both ways for callers in C; there a message may stand in place of its digest (<c>input=message</c>). HMAC-SHA256 and EdDSA take <c>message</c> in
/// place of the digest. Signing a digest allocates next to nothing.
/// </summary>
internal sealed class SignRoute(KeyService service)
{
    private const string OctetStream = "application/octet-stream";
    private const string MacAlgorithm = "HMAC-SHA256";
    private const int LongestWord = 16;

    // The base64 of a digest, with room for line ends.
    private const int LongestDigestText = 128;

    public void Map(LocalServer server) => server.Map("POST", "/sign", KeyRoutes.ApiVersions, Answer);

    private void Answer(LocalRequest request, LocalResponse response)
    {
        if (request.ContentType == OctetStream) AnswerRaw(request, response);
        else AnswerJson(request, response);
    }

    private void AnswerRaw(LocalRequest request, LocalResponse response)
    {
        var handle = request.Query("handle") ?? throw Bad("the query parameter handle is missing");
        var algorithm = request.Query("algorithm") ?? throw Bad("the query parameter algorithm is missing");
        Span<byte> signature = stackalloc byte[StoredKey.LongestSignature];
        if (algorithm == MacAlgorithm)
        {
            service.Mac(KeyRoutes.CallerOf(request), handle, request.Body.Span, signature);
            response.Bytes(signature[..StoredSecret.Length], OctetStream);
            return;
        }

        var scheme = SchemeOf(algorithm);
        Span<byte> hashed = stackalloc byte[DigestAlgorithms.LongestDigest];
        var digest = IsMessage(request, scheme) ? Hash(request, hashed) : request.Body.Span;
        var hash = scheme == SignatureScheme.EdDsa ? default : HashOf(request.Query("hash"), scheme, digest.Length, mayInfer: scheme == SignatureScheme.Ecdsa);
        var length = service.Sign(KeyRoutes.CallerOf(request), handle, scheme, hash, digest, signature);
        response.Bytes(signature[..length], OctetStream);
    }

    /// <summary><c>input=message</c>: the body is what is to be hashed, for callers that have no hash functions themselves.</summary>
    private static bool IsMessage(LocalRequest request, SignatureScheme scheme) => request.Query("input") switch
    {
        null or "digest" => false,
        "message" => scheme != SignatureScheme.EdDsa,
        var input => throw Bad($"the input '{input}' is unknown; there are digest and message"),
    };

    private static ReadOnlySpan<byte> Hash(LocalRequest request, Span<byte> room)
    {
        var name = request.Query("hash");
        if (name is null) throw Bad("a message needs the name of the hash: sha256, sha384 or sha512");
        if (!DigestAlgorithms.TryFromName(name, out var hash)) throw UnknownHash(name);
        return room[..CryptographicOperations.HashData(hash.Name(), request.Body.Span, room)];
    }

    private void AnswerJson(LocalRequest request, LocalResponse response)
    {
        Span<char> handleRoom = stackalloc char[HandleSealer.LongestHandle];
        Span<char> algorithmRoom = stackalloc char[LongestWord];
        Span<char> hashRoom = stackalloc char[LongestWord];
        Span<byte> digestRoom = stackalloc byte[DigestAlgorithms.LongestDigest];
        int handleLength = 0, algorithmLength = 0, hashLength = 0, digestLength = 0;
        byte[]? message = null;

        var json = request.Json();
        json.Read();
        if (json.TokenType != JsonTokenType.StartObject) throw new JsonException();
        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            if (json.ValueTextEquals("keyHandle"u8))
            {
                handleLength = Text(ref json, handleRoom, "keyHandle");
            }
            else if (json.ValueTextEquals("algorithm"u8))
            {
                algorithmLength = Text(ref json, algorithmRoom, "algorithm");
            }
            else if (json.ValueTextEquals("parameters"u8))
            {
                json.Read();
                if (json.TokenType != JsonTokenType.StartObject) throw new JsonException();
                while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
                {
                    if (json.ValueTextEquals("digest"u8)) digestLength = Digest(ref json, digestRoom);
                    else if (json.ValueTextEquals("message"u8)) message = Message(ref json);
                    else if (json.ValueTextEquals("hash"u8)) hashLength = Text(ref json, hashRoom, "hash");
                    else json.Skip();
                }
            }
            else
            {
                json.Skip();
            }
        }

        json.Read();
        if (handleLength == 0) throw request.MissingField("keyHandle");
        if (algorithmLength == 0) throw request.MissingField("algorithm");
        var algorithm = algorithmRoom[..algorithmLength];
        Span<byte> signature = stackalloc byte[StoredKey.LongestSignature];
        int length;
        if (algorithm is MacAlgorithm or "EdDSA")
        {
            if (message is null) throw request.MissingField("parameters.message");
            length = SignMessage(request, handleRoom[..handleLength], algorithm, message, signature);
        }
        else
        {
            if (digestLength == 0) throw request.MissingField("parameters.digest");
            var scheme = SchemeOf(algorithm);
            var hash = HashOf(hashRoom[..hashLength], scheme, digestLength, mayInfer: true);
            length = service.Sign(KeyRoutes.CallerOf(request), handleRoom[..handleLength], scheme, hash, digestRoom[..digestLength], signature);
        }

        var answer = response.Json();
        answer.WriteStartObject();
        answer.WriteBase64String("signature"u8, signature[..length]);
        answer.WriteEndObject();
    }

    private int SignMessage(LocalRequest request, ReadOnlySpan<char> handle, ReadOnlySpan<char> algorithm, byte[] message, Span<byte> signature)
    {
        var caller = KeyRoutes.CallerOf(request);
        if (algorithm is not MacAlgorithm) return service.Sign(caller, handle, SignatureScheme.EdDsa, default, message, signature);
        service.Mac(caller, handle, message, signature);
        return StoredSecret.Length;
    }

    private static SignatureScheme SchemeOf(ReadOnlySpan<char> algorithm) => algorithm switch
    {
        "ECDSA" => SignatureScheme.Ecdsa,
        "RSA-PKCS1" => SignatureScheme.RsaPkcs1,
        "RSA-PSS" => SignatureScheme.RsaPss,
        "EdDSA" => SignatureScheme.EdDsa,
        _ => throw Bad($"the algorithm '{algorithm}' is unknown; there are ECDSA, RSA-PKCS1, RSA-PSS, EdDSA and HMAC-SHA256"),
    };

    private static DigestAlgorithm HashOf(ReadOnlySpan<char> name, SignatureScheme scheme, int digestLength, bool mayInfer)
    {
        if (name.IsEmpty)
        {
            if (!mayInfer) throw Bad($"{scheme} needs the name of the hash: sha256, sha384 or sha512");
            if (DigestAlgorithms.TryFromLength(digestLength, out var inferred)) return inferred;
            throw Bad($"a digest of {digestLength} bytes is none of SHA-256, SHA-384, SHA-512");
        }

        if (!DigestAlgorithms.TryFromName(name, out var hash)) throw UnknownHash(name);
        return hash.Length() == digestLength
            ? hash
            : throw Bad($"a digest of {name} has {hash.Length()} bytes, not {digestLength}");
    }

    private static ProblemException UnknownHash(ReadOnlySpan<char> name) => Bad($"the hash '{name}' is unknown; there are sha256, sha384 and sha512");

    private static int Text(ref Utf8JsonReader json, scoped Span<char> room, string field)
    {
        json.Read();
        if (json.TokenType != JsonTokenType.String) throw new JsonException();
        if (json.ValueSpan.Length > room.Length) throw Bad($"the field {field} is too long");
        return json.CopyString(room);
    }

    private static byte[] Message(ref Utf8JsonReader json)
    {
        json.Read();
        if (json.TokenType != JsonTokenType.String) throw new JsonException();
        return json.TryGetBytesFromBase64(out var message) ? message : throw Bad("the message is not base64");
    }

    private static int Digest(ref Utf8JsonReader json, scoped Span<byte> room)
    {
        Span<char> text = stackalloc char[LongestDigestText];
        var base64 = text[..Text(ref json, text, "digest")];
        return Convert.TryFromBase64Chars(base64, room, out var length)
            ? length
            : throw Bad("the digest is not base64, or is longer than 64 bytes");
    }

    private static ProblemException Bad(string message) => new("bad_request", message,
        "send keyHandle, algorithm and parameters with digest (message for EdDSA and HMAC-SHA256), in base64; "
            + "or all but the raw bytes in the query", 400);
}
