using System.Text.Json;
using EstProv.Keys.Client;
using EstProv.Keys.Service;
using EstProv.Keys.Stores;
using EstProv.LocalApi.Server;
using EstProv.Platform;

namespace EstProv.Keys.Routes;

/// <summary>
/// <c>POST /sign</c>, as JSON <c>{keyHandle, algorithm, parameters: {digest, hash?}}</c>, or with everything but the digest in the query and raw
/// bytes both ways for callers in C. Allocates next to nothing.
/// </summary>
internal sealed class SignRoute(KeyService service)
{
    private const string OctetStream = "application/octet-stream";
    private const int LongestHandle = 512;
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
        var scheme = SchemeOf(request.Query("algorithm") ?? throw Bad("the query parameter algorithm is missing"));
        var hash = HashOf(request.Query("hash"), scheme, request.Body.Length, mayInfer: scheme == SignatureScheme.Ecdsa);
        Span<byte> signature = stackalloc byte[StoredKey.LongestSignature];
        var length = service.Sign(KeyRoutes.CallerOf(request), handle, scheme, hash, request.Body.Span, signature);
        response.Bytes(signature[..length], OctetStream);
    }

    private void AnswerJson(LocalRequest request, LocalResponse response)
    {
        Span<char> handleRoom = stackalloc char[LongestHandle];
        Span<char> algorithmRoom = stackalloc char[LongestWord];
        Span<char> hashRoom = stackalloc char[LongestWord];
        Span<byte> digestRoom = stackalloc byte[DigestAlgorithms.LongestDigest];
        int handleLength = 0, algorithmLength = 0, hashLength = 0, digestLength = 0;

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
        if (digestLength == 0) throw request.MissingField("parameters.digest");

        var scheme = SchemeOf(algorithmRoom[..algorithmLength]);
        var hash = HashOf(hashRoom[..hashLength], scheme, digestLength, mayInfer: true);
        Span<byte> signature = stackalloc byte[StoredKey.LongestSignature];
        var length = service.Sign(KeyRoutes.CallerOf(request), handleRoom[..handleLength], scheme, hash, digestRoom[..digestLength], signature);

        var answer = response.Json();
        answer.WriteStartObject();
        answer.WriteBase64String("signature"u8, signature[..length]);
        answer.WriteEndObject();
    }

    private static SignatureScheme SchemeOf(ReadOnlySpan<char> algorithm) => algorithm switch
    {
        "ECDSA" => SignatureScheme.Ecdsa,
        "RSA-PKCS1" => SignatureScheme.RsaPkcs1,
        "RSA-PSS" => SignatureScheme.RsaPss,
        _ => throw Bad($"the algorithm '{algorithm}' is unknown; there are ECDSA, RSA-PKCS1 and RSA-PSS"),
    };

    private static DigestAlgorithm HashOf(ReadOnlySpan<char> name, SignatureScheme scheme, int digestLength, bool mayInfer)
    {
        if (name.IsEmpty)
        {
            if (!mayInfer) throw Bad($"{scheme} needs the name of the hash: sha256, sha384 or sha512");
            if (DigestAlgorithms.TryFromLength(digestLength, out var inferred)) return inferred;
            throw Bad($"a digest of {digestLength} bytes is none of SHA-256, SHA-384, SHA-512");
        }

        if (!DigestAlgorithms.TryFromName(name, out var hash)) throw Bad($"the hash '{name}' is unknown; there are sha256, sha384 and sha512");
        return hash.Length() == digestLength
            ? hash
            : throw Bad($"a digest of {name} has {hash.Length()} bytes, not {digestLength}");
    }

    private static int Text(ref Utf8JsonReader json, scoped Span<char> room, string field)
    {
        json.Read();
        if (json.TokenType != JsonTokenType.String) throw new JsonException();
        if (json.ValueSpan.Length > room.Length) throw Bad($"the field {field} is too long");
        return json.CopyString(room);
    }

    private static int Digest(ref Utf8JsonReader json, scoped Span<byte> room)
    {
        Span<char> text = stackalloc char[LongestDigestText];
        var base64 = text[..Text(ref json, text, "digest")];
        return Convert.TryFromBase64Chars(base64, room, out var length)
            ? length
            : throw Bad("the digest is not base64, or is longer than 64 bytes");
    }

    private static ProblemException Bad(string message) => new("bad_request", message, "", 400);
}
