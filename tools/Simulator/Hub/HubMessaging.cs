using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace EstProv.Simulator.Hub;

/// <summary>
/// Messages over HTTPS (learn.microsoft.com/rest/api/iothub/device): device-to-cloud, alone or as a batch; cloud-to-device: receive, complete,
/// reject, abandon.
/// </summary>
internal sealed class HubMessaging(DeviceMessages messages)
{
    private const string Batch = "application/vnd.microsoft.iothub.json";
    private const string PropertyPrefix = "iothub-app-";

    public async Task SendAsync(Exchange exchange, HubDevice device, string? moduleId)
    {
        var body = await exchange.BodyAsync();
        if (body is null)
        {
            await exchange.ErrorAsync(HubError.MessageTooLarge());
            return;
        }

        var sent = Sent(exchange.Request, body, moduleId);
        if (sent is null)
        {
            await exchange.ErrorAsync(HubError.ArgumentInvalid("the body is no batch of messages"));
            return;
        }

        foreach (var message in sent)
        {
            messages.Add(device.DeviceId, message);
        }

        exchange.Note = sent.Count == 1 ? $"message of {body.Length} bytes" : $"{sent.Count} messages of {body.Length} bytes";
        await exchange.AnswerAsync(204, null, []);
    }

    public Task ReceiveAsync(Exchange exchange, HubDevice device)
    {
        if (messages.Receive(device.DeviceId, exchange.Now) is not { } delivery)
        {
            exchange.Note = "no message";
            return exchange.AnswerAsync(204, null, []);
        }

        var headers = exchange.Http.Response.Headers;
        headers.ETag = $"\"{delivery.LockToken}\"";
        headers["iothub-sequencenumber"] = delivery.Sequence.ToString(CultureInfo.InvariantCulture);
        headers["iothub-enqueuedtime"] = delivery.Enqueued.UtcDateTime.ToString("O", CultureInfo.InvariantCulture);
        headers["iothub-deliverycount"] = delivery.EarlierDeliveries.ToString(CultureInfo.InvariantCulture);
        headers["iothub-to"] = $"/devices/{device.DeviceId}/messages/deviceBound";
        var message = delivery.Message;
        SetIfKnown("iothub-messageid", message.MessageId);
        SetIfKnown("iothub-correlationid", message.CorrelationId);
        SetIfKnown("iothub-userid", message.UserId);
        SetIfKnown("iothub-contenttype", message.ContentType);
        SetIfKnown("iothub-contentencoding", message.ContentEncoding);
        foreach (var (name, value) in message.Properties)
        {
            headers[PropertyPrefix + name] = value;
        }

        exchange.Note = "message " + delivery.Sequence.ToString(CultureInfo.InvariantCulture);
        return exchange.AnswerAsync(200, "application/octet-stream", Convert.FromBase64String(message.Body));

        void SetIfKnown(string name, string? value)
        {
            if (value is not null)
            {
                headers[name] = value;
            }
        }
    }

    /// <summary>DELETE, with <c>reject</c> in the query or without: either way the message is gone.</summary>
    public Task CompleteAsync(Exchange exchange, HubDevice device, string lockToken)
    {
        exchange.Note = exchange.Request.Query.ContainsKey("reject") ? "rejected" : "completed";
        return Feedback(exchange, messages.Remove(device.DeviceId, lockToken, exchange.Now));
    }

    public Task AbandonAsync(Exchange exchange, HubDevice device, string lockToken)
    {
        exchange.Note = "abandoned";
        return Feedback(exchange, messages.Abandon(device.DeviceId, lockToken, exchange.Now));
    }

    private static Task Feedback(Exchange exchange, bool held)
        => held ? exchange.AnswerAsync(204, null, []) : exchange.ErrorAsync(HubError.MessageLockLost());

    private static List<DeviceMessage>? Sent(HttpRequest request, byte[] body, string? moduleId)
    {
        var type = request.ContentType;
        if (type?.StartsWith(Batch, StringComparison.OrdinalIgnoreCase) == true)
        {
            return Batched(body, moduleId);
        }

        var properties = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, value) in request.Headers)
        {
            if (name.StartsWith(PropertyPrefix, StringComparison.OrdinalIgnoreCase))
            {
                properties[name[PropertyPrefix.Length..]] = value.ToString();
            }
        }

        return
        [
            new DeviceMessage
            {
                Body = Convert.ToBase64String(body),
                ModuleId = moduleId,
                MessageId = request.Headers["iothub-messageid"],
                CorrelationId = request.Headers["iothub-correlationid"],
                UserId = request.Headers["iothub-userid"],
                ContentType = request.Headers["iothub-contenttype"],
                ContentEncoding = request.Headers["iothub-contentencoding"],
                Properties = properties,
            },
        ];
    }

    /// <summary>An array of <c>{"body": base64, "properties"?}</c>; null = it is none.</summary>
    private static List<DeviceMessage>? Batched(byte[] body, string? moduleId)
    {
        try
        {
            var sent = new List<DeviceMessage>();
            foreach (var item in JsonNode.Parse(body) as JsonArray ?? throw new FormatException("no array"))
            {
                var properties = new Dictionary<string, string>(StringComparer.Ordinal);
                foreach (var (name, value) in item?["properties"] as JsonObject ?? [])
                {
                    var isPrefixed = name.StartsWith(PropertyPrefix, StringComparison.OrdinalIgnoreCase);
                    properties[isPrefixed ? name[PropertyPrefix.Length..] : name] = value?.ToString() ?? "";
                }

                var encoded = (string?)item?["body"] ?? throw new FormatException("no body");
                _ = Convert.FromBase64String(encoded);
                sent.Add(new DeviceMessage { Body = encoded, ModuleId = moduleId, Properties = properties });
            }

            return sent.Count == 0 ? null : sent;
        }
        catch (Exception e) when (e is JsonException or FormatException or InvalidOperationException)
        {
            return null;
        }
    }
}
