using System.Net;
using System.Net.Http.Headers;

namespace EstProv.Identity.Cloud;

/// <summary>What DPS or IoT Hub answered, whatever its status.</summary>
/// <param name="MediaType">Null where the answer names none.</param>
/// <param name="RetryAfter">What it asks for, an hour at most.</param>
internal sealed record CloudAnswer(HttpStatusCode Status, HttpResponseHeaders Headers, string? MediaType, byte[] Body,
    TimeSpan? RetryAfter);
