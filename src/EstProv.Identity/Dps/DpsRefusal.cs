using System.Net;
using EstProv.Platform;

namespace EstProv.Identity.Dps;

/// <summary>Makes the problem of an answer that is a refusal, with the likely cause as its hint.</summary>
internal static class DpsRefusal
{
    /// <summary>An HTTP status other than success.</summary>
    public static ProblemException Of(DpsRequest request, Uri url, HttpStatusCode status, ReadOnlyMemory<byte> body, TimeSpan? retryAfter)
    {
        var said = DpsAnswer.ReadError(body) is { } text ? $": {text}" : "";
        var (code, what, hint) = (int)status switch
        {
            401 => (DpsCodes.Unauthorized, $"did not accept {request.Credential} for registration id '{request.RegistrationId}' " +
                $"(401{said})",
                request.UnauthorizedHint),
            403 => (DpsCodes.Forbidden, $"forbids {request.Credential} to register '{request.RegistrationId}' (403{said})",
                "check the enrolment and the network rules of this DPS"),
            404 => (DpsCodes.NotFound, $"knows no such scope or registration ('{request.ScopeId}', '{request.RegistrationId}', 404{said})",
                "check scope_id, registration_id and global_endpoint in identityd.toml"),
            429 => (DpsCodes.Throttled, $"asks to come back later (429{said})", "nothing to do: it is tried again"),
            >= 500 => (DpsCodes.ServerError, $"failed ({(int)status}{said})", "nothing to do on the device: it is tried again"),
            >= 400 => (DpsCodes.BadRequest, $"did not understand the registration of '{request.RegistrationId}' ({(int)status}{said})",
                "a registration id has at most 128 letters, digits and -._: characters"),
            _ => (DpsCodes.BadAnswer, $"answered {(int)status} where DPS does not",
                "check global_endpoint, and whether a proxy answers in the place of DPS"),
        };
        return new ProblemException(code, $"{url} {what}", hint, 503) { RetryAfter = retryAfter };
    }

    /// <summary>A finished operation that did not end in an assignment.</summary>
    public static ProblemException Of(DpsRequest request, DpsAnswer answer)
    {
        var said = answer.Error is { } text ? $": {text}" : "";
        var (code, what, hint) = answer.Status switch
        {
            "failed" => (DpsCodes.Failed, "could not assign", "see the enrolment in DPS: its hubs, allocation policy and webhook"),
            "disabled" => (DpsCodes.Disabled, "has disabled the enrolment of", "enable the enrolment in DPS"),
            "unassigned" => (DpsCodes.Unassigned, "assigned no hub to", "link an IoT Hub to the enrolment in DPS"),
            _ => (DpsCodes.BadAnswer, $"answered with the unknown status '{answer.Status}' for",
                "check global_endpoint, and whether a proxy answers in the place of DPS"),
        };
        return new ProblemException(code, $"{request.RegisterUrl} {what} '{request.RegistrationId}' with {request.Credential}{said}", hint,
            503);
    }
}
