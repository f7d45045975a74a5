namespace EstProv.Identity.Api;

internal static class ApiVersions
{
    public static readonly string[] All = ["2020-09-01", "2021-12-01", "2022-08-01"];

    /// <summary>Of the daemons that this one asks.</summary>
    public const string Keyd = "2021-05-01";

    public const string Certd = "2020-09-01";
}
