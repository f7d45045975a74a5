using System.Net;
using EstProv.Est.Messages;
using EstProv.Est.Transport;
using EstProv.Identity.Cloud;
using EstProv.Identity.Provisioning;
using EstProv.Identity.Sas;
using EstProv.LocalApi;
using EstProv.Platform;
using EstProv.Platform.Time;
using Microsoft.Extensions.Logging;

namespace EstProv.Identity.Dps;

/// <summary>
/// The Device Provisioning Service's device API with X.509 attestation, or that by symmetric key
/// (learn.microsoft.com/rest/api/iot-dps/device, version 2021-06-01): <c>PUT …/register</c>, then <c>GET …/operations/{id}</c> until the
/// device is assigned or refused.
/// </summary>
/// <remarks>
/// Errors: <see cref="DpsCodes"/>, each naming the URL and the credential. Delays between polls go through the <see cref="TimeProvider"/>,
/// limits on a single exchange are in real time.
/// </remarks>
internal sealed class DpsClient : IDisposable
{
    /// <summary>An answer has a few hundred bytes; a payload of an allocation webhook may add some.</summary>
    private const int LargestAnswer = 64 * 1024;

    /// <summary>For one exchange, in real time.</summary>
    public static readonly TimeSpan ExchangeTimeout = TimeSpan.FromSeconds(30);

    /// <summary>How long a device may stay 'assigning' before the registration is begun anew.</summary>
    private static readonly TimeSpan AssignmentTimeout = TimeSpan.FromMinutes(15);

    private const int MostFailedPolls = 5;

    private readonly CloudExchange _exchange;
    private readonly TimeProvider _time;
    private readonly BelievedClock _clock;
    private readonly bool _hasToken;

    /// <param name="server">Its clock's <see cref="TimeProvider"/> is for the delays between polls.</param>
    /// <param name="token">Of a symmetric key; null where the TLS client certificate says who we are.</param>
    public DpsClient(TlsServer server, ResourceToken? token, ILogger logger)
    {
        (_clock, _time, _hasToken) = (server.Clock, server.Clock.TimeProvider, token is not null);
        _exchange = new CloudExchange(server, token, LargestAnswer, logger);
    }

    /// <summary>Registers and waits for the assignment.</summary>
    /// <exception cref="ProblemException">One of <see cref="DpsCodes"/>, or a TLS problem of the server.</exception>
    public async Task<Assignment> RegisterAsync(DpsRequest request, CancellationToken cancel)
    {
        var begun = _time.GetTimestamp();
        var polling = new Backoff(TimeSpan.FromMilliseconds(20), TimeSpan.FromSeconds(5), Random.Shared);
        var failing = new Backoff(TimeSpan.FromMilliseconds(200), TimeSpan.FromSeconds(5), Random.Shared);
        var (answer, wait) = await ExchangeAsync(request, request.RegisterUrl, register: true, cancel);
        var operation = answer.OperationId;
        while (answer.Status == "assigning")
        {
            if (operation is null) throw Bad(request, request.RegisterUrl, "it says 'assigning' but names no operation to ask for");
            if (_time.GetElapsedTime(begun) > AssignmentTimeout)
            {
                throw new ProblemException(DpsCodes.Slow, $"{request.RegisterUrl} has been assigning '{request.RegistrationId}' for " +
                    $"{AssignmentTimeout.TotalMinutes:0} minutes",
                    "see the enrolment's allocation policy and its webhook in DPS; the registration is begun anew by itself", 503);
            }

            // 'Retry-After: 0', or a date that has passed, is no leave to ask without end.
            await Task.Delay(wait is { } asked && asked > TimeSpan.Zero ? asked : polling.Next(), _time, cancel);
            try
            {
                (answer, wait) = await ExchangeAsync(request, request.OperationUrl(operation), register: false, cancel);
                failing.Reset();
            }
            catch (ProblemException passing) when (DpsCodes.IsPassing(passing) && failing.Failures < MostFailedPolls - 1)
            {
                wait = failing.Next(passing.RetryAfter);
            }
        }

        return Judge(request, answer);
    }

    public void Dispose() => _exchange.Dispose();

    private async Task<(DpsAnswer Answer, TimeSpan? Wait)> ExchangeAsync(DpsRequest request, Uri url, bool register,
        CancellationToken cancel)
    {
        var answer = await _exchange.SendAsync(register ? HttpMethod.Put : HttpMethod.Get, url,
            register ? () => RegistrationBody(request) : null, null, cancel);
        if (answer.Status is not (HttpStatusCode.OK or HttpStatusCode.Accepted)) throw Refusal(request, url, answer);
        if (answer.MediaType is { } type && !IsJson(type)) throw Bad(request, url, $"it is {PeerText.Clean(type)}, and not JSON");
        var status = DpsAnswer.Read(answer.Body) ?? throw Bad(request, url, "it is not a registration status in JSON");
        return (status, answer.RetryAfter);
    }

    private ProblemException Refusal(DpsRequest request, Uri url, CloudAnswer answer)
    {
        var hint = _hasToken ? ClockHint.After(request.UnauthorizedHint, answer.Headers.Date, _clock) : request.UnauthorizedHint;
        return DpsRefusal.Of(request with { UnauthorizedHint = hint }, url, answer.Status, answer.Body, answer.RetryAfter);
    }

    private static bool IsJson(string mediaType)
        => mediaType.Equals("application/json", StringComparison.OrdinalIgnoreCase)
            || mediaType.EndsWith("+json", StringComparison.OrdinalIgnoreCase);

    private static Assignment Judge(DpsRequest request, DpsAnswer answer)
    {
        if (answer.Status == "assigned")
        {
            if (answer.Hub is { } hub && IsHostName(hub) && answer.DeviceId is { } device && IsDeviceId(device))
                return new Assignment(hub, device);
            throw Bad(request, request.RegisterUrl, "it says 'assigned' but names no hub and device id that could be");
        }

        throw DpsRefusal.Of(request, answer);
    }

    private static ByteArrayContent RegistrationBody(DpsRequest request)
        => new(JsonFields.Write(json =>
        {
            json.WriteString("registrationId", request.RegistrationId);
            request.Payload?.WriteTo(json, "payload");
        }));

    private static ProblemException Bad(DpsRequest request, Uri url, string why)
        => new(DpsCodes.BadAnswer, $"{url} answered with something else than DPS would for '{request.RegistrationId}': {why}",
            "check global_endpoint, and whether a proxy answers in the place of DPS", 503);

    private static bool IsHostName(string text)
    {
        foreach (var c in text)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('-' or '.' or ':' or '_')) return false;
        }

        return true;
    }

    /// <summary>IoT Hub's device ids: at most 128 of these characters.</summary>
    private static bool IsDeviceId(string text)
    {
        foreach (var c in text)
        {
            if (!char.IsAsciiLetterOrDigit(c) && !"-.+%_#*?!(),:=@$'".Contains(c)) return false;
        }

        return text.Length <= 128;
    }
}
