using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;
using EstProv.Certificates.Engine;
using EstProv.Configuration.Certd;
using EstProv.LocalApi.Server;
using EstProv.Platform;

namespace EstProv.Certificates.Api;

/// <summary>What only an operator does, with the rights <c>rescue</c> and <c>distrust</c>: <c>/rescue</c>, <c>/distrusted</c>.</summary>
internal sealed class OperatorRoutes(RescueRequests rescue, DistrustRequests distrust, CertificateRights rights, TimeSpan defaultSpread)
{
    private const int LongestSecret = 1024;

    private static readonly TimeSpan LongestSpread = TimeSpan.FromDays(366);

    public void Map(LocalServer server, string[] versions)
    {
        var waits = new RouteOptions { Waits = true };
        server.Map("POST", "/rescue", versions, Rescue, waits);
        server.Map("GET", "/distrusted", versions, List);
        server.Map("POST", "/distrusted", versions, Distrust, waits);
    }

    /// <summary>
    /// <c>application/json</c>: <c>{"user", "password", "waitSeconds"}</c>, a one-time credential; <c>application/cms</c>: a signed rescue file, with <c>wait</c> in the query.
    /// </summary>
    private void Rescue(LocalRequest request, LocalResponse response)
    {
        rights.DemandRescue(request.Peer);
        var by = $"user {request.Peer.Uid}";
        RescueAnswer answer;
        try
        {
            answer = request.ContentType == "application/cms" ? BringFile(request, by) : BringCredential(request, by);
        }
        finally
        {
            // The buffer is used again, and is not to hold a password until then.
            CryptographicOperations.ZeroMemory(MemoryMarshal.AsMemory(request.Body).Span);
        }

        CertificateJson.Write(response.Json(), new EnsureReply { State = answer.State, Problem = answer.Problem is { } problem ? CredentialListing.Body(problem) : null });
    }

    private RescueAnswer BringFile(LocalRequest request, string by)
    {
        var file = request.Body.ToArray();
        try
        {
            return rescue.Bring(file, by, Wait(int.TryParse(request.Query("wait"), NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) ? seconds : 0), request.Stopping);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(file);
        }
    }

    private RescueAnswer BringCredential(LocalRequest request, string by)
    {
        var (user, password, seconds) = ReadCredential(request);
        if (user is not { Length: > 0 and <= LongestSecret } || user.Contains(':', StringComparison.Ordinal) || password is null)
        {
            password?.Dispose();
            throw new ProblemException("bad_request", "a one-time credential has a user name without a colon and a password", "give both", 422);
        }

        return rescue.Bring(user, password, by, Wait(seconds), request.Stopping);
    }

    /// <summary>The password is never a string here.</summary>
    private static (string? User, LockedSecret? Password, double Seconds) ReadCredential(LocalRequest request)
    {
        var json = request.Json();
        string? user = null;
        LockedSecret? password = null;
        var seconds = 0.0;
        try
        {
            if (!json.Read() || json.TokenType != JsonTokenType.StartObject) throw new JsonException();
            while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
            {
                var (isUser, isPassword, isWait) = (json.ValueTextEquals("user"u8), json.ValueTextEquals("password"u8), json.ValueTextEquals("waitSeconds"u8));
                if (!json.Read()) throw new JsonException();
                if (isUser) user = json.TokenType == JsonTokenType.String ? json.GetString() : throw new JsonException();
                else if (isPassword && password is null) password = ReadPassword(ref json);
                else if (isWait) seconds = json.TokenType == JsonTokenType.Number ? json.GetDouble() : throw new JsonException();
                else throw new JsonException();
            }

            return (user, password, seconds);
        }
        catch
        {
            // Also what is no UTF-8 (InvalidOperationException).
            password?.Dispose();
            throw;
        }
    }

    private static LockedSecret? ReadPassword(ref Utf8JsonReader json)
    {
        if (json.TokenType != JsonTokenType.String || json.ValueSpan.Length is 0 or > LongestSecret) throw new JsonException();
        var password = new LockedSecret(json.ValueSpan.Length);
        try
        {
            password.Truncate(json.CopyString(password.Bytes));
            return password;
        }
        catch
        {
            password.Dispose();
            throw;
        }
    }

    private void List(LocalRequest request, LocalResponse response) => CertificateJson.Write(response.Json(), distrust.Answer());

    private void Distrust(LocalRequest request, LocalResponse response)
    {
        rights.DemandDistrust(request.Peer);
        var body = request.Json(CertificateJson.Distrust);
        var name = IssuerName.Parse(body.Issuer) ?? throw new ProblemException("bad_issuer", "this names no CA",
            "give the SHA-256 of its certificate in hexadecimal, spki: and the SHA-256 of its key, or its subject as estprov status shows it", 400);
        var by = $"user {request.Peer.Uid}";
        var over = body.OverSeconds is { } seconds ? TimeSpan.FromSeconds(Math.Clamp(seconds, 0, LongestSpread.TotalSeconds)) : defaultSpread;
        CertificateJson.Write(response.Json(), body.Undo ? distrust.Undo(name, by) : distrust.Distrust(name, over, body.Force, by, request.Stopping));
    }

    private static TimeSpan Wait(double seconds) => TimeSpan.FromSeconds(Math.Clamp(seconds, 0, CredentialRequests.LongestWait.TotalSeconds));
}
