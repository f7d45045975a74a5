using System.Text;

namespace EstProv.LocalApi.Server;

/// <summary>
/// Finds the route of a request. The api-version comes first: a request without one that is known learns that, not whether its path
/// exists. Routes that take none, such as <c>/metrics</c>, are excepted.
/// </summary>
internal sealed class RouteTable
{
    private Route[] _routes = [];
    private string[] _versions = [];

    /// <summary>The api-versions of all routes, for messages.</summary>
    public string Versions => string.Join(" or ", _versions);

    public void Add(Route route)
    {
        _routes = [.. _routes, route];
        foreach (var version in route.ApiVersions)
        {
            if (Array.IndexOf(_versions, version) < 0) _versions = [.. _versions, version];
        }
    }

    /// <summary>Sets the request's route and version; routes are tried in the order in which they were mapped.</summary>
    public Refusal Find(LocalRequest request)
    {
        var path = request.PathBytes;
        var method = request.MethodBytes;
        Route? found = null;
        var pathExists = false;
        foreach (var route in _routes)
        {
            if (!route.Matches(path)) continue;
            pathExists = true;
            if (!method.SequenceEqual(route.Method)) continue;
            found = route;
            break;
        }

        if (found is { ApiVersions.Length: 0 })
        {
            request.Match(found, null);
            return Refusal.None;
        }

        var count = request.FindQuery("api-version", out var wanted);
        if (count != 1 || wanted.IsEmpty) return count > 1 ? Refusal.ApiVersionRepeated : Refusal.ApiVersionMissing;
        var version = Find(_versions, wanted);
        if (version is null) return Refusal.ApiVersionUnknown;
        if (found is null) return pathExists ? Refusal.WrongMethod : Refusal.NotFound;
        request.Match(found, version);
        return Array.IndexOf(found.ApiVersions, version) < 0 ? Refusal.ApiVersionNotHere : Refusal.None;
    }

    /// <summary>The methods that a request's path takes, for messages.</summary>
    public string MethodsOf(LocalRequest request)
    {
        var methods = "";
        foreach (var route in _routes)
        {
            if (route.Matches(request.PathBytes)) methods += (methods.Length == 0 ? "" : ", ") + Encoding.ASCII.GetString(route.Method);
        }

        return methods;
    }

    private static string? Find(string[] versions, ReadOnlySpan<byte> wanted)
    {
        foreach (var version in versions)
        {
            if (Ascii.Equals(wanted, version)) return version;
        }

        return null;
    }
}
