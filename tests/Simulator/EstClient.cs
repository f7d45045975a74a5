using System.Net.Http.Headers;
using System.Security.Cryptography.Pkcs;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace EstProv.Simulator.Tests;

/// <summary>EST as thin as can be, so that what the server sends is seen as it is.</summary>
internal static class EstClient
{
    public static string Path(string label, string operation)
        => label == "default" ? $".well-known/est/{operation}" : $".well-known/est/{label}/{operation}";

    public static Task<HttpResponseMessage> EnrollAsync(HttpClient client, string label, EnrollOrder order, string operation = "simpleenroll", string? basic = null)
        => PostAsync(client, label, operation, order.Body, basic: basic);

    public static Task<HttpResponseMessage> PostAsync(
        HttpClient client, string label, string operation, string body, string contentType = "application/pkcs10", string? basic = null, bool chunked = false)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, Path(label, operation))
        {
            Version = client.DefaultRequestVersion,
            VersionPolicy = client.DefaultVersionPolicy,
            Content = new ByteArrayContent(Encoding.ASCII.GetBytes(body)),
        };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue(contentType);
        request.Headers.TransferEncodingChunked = chunked ? true : null;
        if (basic is not null)
        {
            request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(basic)));
        }

        return client.SendAsync(request);
    }

    /// <summary>The certificates of a certs-only answer, in the order sent.</summary>
    public static async Task<X509Certificate2Collection> CertificatesAsync(HttpResponseMessage answer)
    {
        var text = await answer.Content.ReadAsStringAsync();
        var cms = new SignedCms();
        cms.Decode(Convert.FromBase64String(text.TrimEnd('\0')));
        Assert.That(cms.SignerInfos, Is.Empty);
        return cms.Certificates;
    }
}
