using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Extensions.AI;

namespace EdgeSdk;

/// <summary>What this SDK adds to requests and answers of Microsoft.Extensions.AI.</summary>
public static class EdgeChatExtensions
{
    /// <summary>The key of a request's route in its additional properties.</summary>
    internal const string RouteKey = "edge.route";

    private const string ReportKey = "edge";

    /// <summary>Asks for a route; the options themselves are returned.</summary>
    public static ChatOptions WithRoute(this ChatOptions options, EdgeRoute route)
    {
        ArgumentNullException.ThrowIfNull(options);
        (options.AdditionalProperties ??= [])[RouteKey] = route.ToString(); // its name: caches and logs write properties as JSON, an AOT-compiled app's without reflection
        return options;
    }

    /// <summary>Who wrote an update of an <see cref="EdgeChatClient"/>; null for another client's.</summary>
    public static EdgeUpdate? GetEdge(this ChatResponseUpdate update)
    {
        ArgumentNullException.ThrowIfNull(update);
        return update.RawRepresentation as EdgeUpdate;
    }

    /// <summary>How a response of an <see cref="EdgeChatClient"/> came about, also of one that a cache kept; null for another client's.</summary>
    public static EdgeReport? GetEdge(this ChatResponse response)
    {
        ArgumentNullException.ThrowIfNull(response);
        object? report = (response.AdditionalProperties ?? response.Messages.LastOrDefault()?.AdditionalProperties)?.GetValueOrDefault(ReportKey);
        return report is JsonElement json ? json.Deserialize(EdgeReportJson.Default.EdgeReport) : null;
    }

    /// <summary>The tokens of a response that <see cref="EdgeChatClient"/> gave whole, in order; none where a cache kept it, updates were folded, or another client wrote it.</summary>
    public static ImmutableArray<EdgeToken> GetEdgeTokens(this ChatResponse response)
    {
        ArgumentNullException.ThrowIfNull(response);
        return response.RawRepresentation is EdgeUpdate edge ? edge.Tokens : [];
    }

    /// <summary>The route that a request asks for, as an enumeration or by its name; null for none.</summary>
    /// <exception cref="ArgumentException">The value is no route.</exception>
    internal static EdgeRoute? Route(this ChatOptions? options)
    {
        object? value = options?.AdditionalProperties?.GetValueOrDefault(RouteKey);
        return value switch
        {
            null => null,
            EdgeRoute route => route,
            _ when Enum.TryParse(value.ToString(), ignoreCase: true, out EdgeRoute route) && Enum.IsDefined(route) => route,
            _ => throw new ArgumentException($"ChatOptions.AdditionalProperties[\"{RouteKey}\"] is '{value}'; it must be Auto, Device, Server or Together.", nameof(options)),
        };
    }

    /// <summary>Attaches the report of the whole answer to its last update: as JSON, which caches can write and read.</summary>
    internal static void SetReport(this ChatResponseUpdate update, EdgeReport report) =>
        (update.AdditionalProperties ??= [])[ReportKey] = JsonSerializer.SerializeToElement(report, EdgeReportJson.Default.EdgeReport);
}

/// <summary>The report's JSON, without reflection.</summary>
[JsonSourceGenerationOptions(
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true)]
[JsonSerializable(typeof(EdgeReport))]
internal sealed partial class EdgeReportJson : JsonSerializerContext;
