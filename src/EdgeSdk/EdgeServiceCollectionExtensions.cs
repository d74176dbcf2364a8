using System.Diagnostics.Metrics;
using EdgeSdk;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers an <see cref="EdgeChatClient"/> as <see cref="IChatClient"/>.</summary>
public static class EdgeServiceCollectionExtensions
{
    /// <summary>Registers the client, with the options of section <c>EdgeSdk</c> and then <paramref name="configure"/>; they are validated at start.</summary>
    /// <param name="services">The services.</param>
    /// <param name="configure">Changes the options.</param>
    /// <param name="lifetime">How long a client lives; it loads its model once in its life.</param>
    /// <returns>A builder for the pipeline around the client: <c>.UseFunctionInvocation()</c> and the like.</returns>
    public static ChatClientBuilder AddEdgeChatClient(
        this IServiceCollection services, Action<EdgeOptions>? configure = null, ServiceLifetime lifetime = ServiceLifetime.Singleton)
    {
        AddOptions(services, Options.Options.DefaultName, EdgeOptions.SectionName, configure);
        return services.AddChatClient(provider => Create(provider, Options.Options.DefaultName), lifetime);
    }

    /// <summary>Registers a client under <paramref name="key"/>, with the options of section <c>EdgeSdk:{key}</c> and then <paramref name="configure"/>.</summary>
    /// <inheritdoc cref="AddEdgeChatClient(IServiceCollection, Action{EdgeOptions}?, ServiceLifetime)"/>
    public static ChatClientBuilder AddKeyedEdgeChatClient(
        this IServiceCollection services, string key, Action<EdgeOptions>? configure = null, ServiceLifetime lifetime = ServiceLifetime.Singleton)
    {
        ArgumentException.ThrowIfNullOrEmpty(key);
        AddOptions(services, key, $"{EdgeOptions.SectionName}:{key}", configure);
        return services.AddKeyedChatClient(key, provider => Create(provider, key), lifetime);
    }

    /// <summary>Registers the client for a host. A connection string named <paramref name="connectionName"/> gives the server's address.</summary>
    /// <inheritdoc cref="AddEdgeChatClient(IServiceCollection, Action{EdgeOptions}?, ServiceLifetime)"/>
    public static ChatClientBuilder AddEdgeChatClient(this IHostApplicationBuilder builder, string connectionName, Action<EdgeOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        string? address = builder.Configuration.GetConnectionString(connectionName);
        return builder.Services.AddEdgeChatClient(options =>
        {
            if (address is not null)
                options.Server.Address = new Uri(address);

            configure?.Invoke(options);
        });
    }

    private static void AddOptions(IServiceCollection services, string name, string section, Action<EdgeOptions>? configure)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<EdgeOptions>, EdgeOptionsValidator>());
        var options = services.AddOptions<EdgeOptions>(name)
            .Configure<IServiceProvider>((o, provider) => provider.GetService<IConfiguration>()?.GetSection(section).Bind(o));
        if (configure is not null)
            options.Configure(configure);

        options.ValidateOnStart();
    }

    private static EdgeChatClient Create(IServiceProvider provider, string name) => new(
        provider.GetRequiredService<IOptionsMonitor<EdgeOptions>>().Get(name),
        provider.GetService<ILoggerFactory>(),
        provider.GetService<TimeProvider>(),
        provider.GetService<IMeterFactory>(),
        provider.GetKeyedService<HttpMessageHandler>("EdgeSdk"));
}
